"""Django application configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class InferenceConfig(AppConfig):
    """The inference application."""

    name = "inference"
    verbose_name = _("Alarms")

    def ready(self) -> None:
        """Listen to the layers below."""
        from inference import receivers

        post_migrate.connect(receivers.make_default_alert_rules, sender=self)
