"""Django application configuration."""

from django.apps import AppConfig


class DevicesConfig(AppConfig):
    """The devices application."""

    name = "devices"
