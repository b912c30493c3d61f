"""When each part of the platform last showed that it works."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Part(models.TextChoices):
    """A part that somebody must hear of when it stops."""

    INGEST = "ingest", _("ingest")
    ANALYSIS = "analysis", _("analysis")
    BACKFILL = "backfill", _("backfill")
    MAIL = "mail", _("mail")
    BEAT = "beat", _("schedule")


class LifeSign(models.Model):
    """The last sign of life of a part, from whichever of its processes."""

    part = models.CharField(max_length=10, choices=Part.choices, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.part} at {self.at}"
