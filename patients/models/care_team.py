"""Who cares for whom."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from patients.models.patient import Patient


class CareTeamMember(models.Model):
    """A doctor's relation to a patient: treats, or only reads."""

    class Relation(models.TextChoices):
        TREATS = "treats", _("treats")
        READS = "reads", _("reads")

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="care_team")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="care_team_memberships",
        limit_choices_to={"role": "doctor"},
    )
    relation = models.CharField(
        _("relation"), max_length=6, choices=Relation.choices, default=Relation.TREATS
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "user"], name="care_team_member_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.get_relation_display()} {self.patient.code}"
