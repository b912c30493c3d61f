"""Django application configuration."""

from django.apps import AppConfig


class InferenceConfig(AppConfig):
    """The inference application."""

    name = "inference"
