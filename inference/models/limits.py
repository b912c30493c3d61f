"""The limits that raise alarms, per patient."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from inference.ecg.types import Limits
from patients.models import Patient


class PatientLimits(models.Model):
    """One patient's own limits; without a row the defaults hold."""

    patient = models.OneToOneField(Patient, models.CASCADE, related_name="limits")
    hr_low_bpm = models.PositiveSmallIntegerField(
        _("low heart rate (bpm)"),
        default=50,
        validators=[MinValueValidator(30), MaxValueValidator(100)],
    )
    hr_high_bpm = models.PositiveSmallIntegerField(
        _("high heart rate (bpm)"),
        default=120,
        validators=[MinValueValidator(60), MaxValueValidator(220)],
    )
    pause_s = models.FloatField(
        _("pause (s)"),
        default=3.0,
        # All of them as they are stored: a form marks the one that reads the same.
        choices=[(s, str(s)) for s in (1.5, 2.0, 2.5, 3.0, 5.0)],
    )

    class Meta:
        verbose_name_plural = _("patient limits")

    def __str__(self) -> str:
        return f"{self.hr_low_bpm}–{self.hr_high_bpm}/min, pause {self.pause_s} s"

    def as_limits(self) -> Limits:
        """Return the limits as the pure rules read them."""
        return Limits(
            hr_low_bpm=self.hr_low_bpm,
            hr_high_bpm=self.hr_high_bpm,
            pause_s=self.pause_s,
        )
