"""Times and shares of a recording, as its page shows them."""

from django import template

from inference.report import clock as clock_text

register = template.Library()


@register.filter
def clock(seconds: float) -> str:
    """Write a time from the start as ``m:ss.s``."""
    return clock_text(seconds)


@register.filter
def before(seconds: float) -> float:
    """Return where a window begins that shows this moment with what led to it."""
    return max(0.0, round(seconds - 3.0, 1))


@register.filter
def seconds(milliseconds: float) -> str:
    """Write an interval in seconds."""
    return f"{milliseconds / 1000:.2f} s"


@register.filter
def minutes(seconds: float) -> str:
    """Write a length in hours and minutes; less than a minute is never none."""
    if 0 < seconds < 60:
        return "< 1 min"
    hours, rest = divmod(round(seconds / 60), 60)
    if not rest and hours:
        return f"{hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"


@register.filter
def percent(share: float) -> str:
    """Write a share of 1 in percent; a small one is never shown as none."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f} %"
