"""Django application configuration."""

from django.apps import AppConfig


class TelecardioConfig(AppConfig):
    """The composing application."""

    name = "telecardio"

    def ready(self) -> None:
        """Load the Celery application, so that every process can publish tasks."""
        from telecardio import celery  # noqa: F401
