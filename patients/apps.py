"""Django application configuration."""

from django.apps import AppConfig


class PatientsConfig(AppConfig):
    """The patients application."""

    name = "patients"
