"""Who looked at whose data."""

from django.conf import settings
from django.db import models

from patients.models.patient import Patient


class AccessLog(models.Model):
    """One look at one patient's data."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="access_log")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    action = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]
        indexes = [
            models.Index(fields=["patient", "-at"], name="access_log_patient"),
            models.Index(fields=["at"], name="access_log_at"),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.action} {self.patient_id}"
