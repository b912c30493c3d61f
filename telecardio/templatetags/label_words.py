"""How often a label is right, beside the label."""

from django import template

from inference.label_figures import released_figures

register = template.Library()


@register.filter
def beat_figure(symbol: str) -> str:
    """Say how often beats of this class are right."""
    return released_figures().beat_words(symbol)


@register.filter
def episode_figure(label: str) -> str:
    """Say how often episodes of this label are right; empty where nothing is judged."""
    return released_figures().episode_words(label)
