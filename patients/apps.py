"""Django application configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PatientsConfig(AppConfig):
    """The patients application."""

    name = "patients"
    verbose_name = _("People")
