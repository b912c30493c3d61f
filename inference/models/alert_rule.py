"""Alert rules: who is mailed about which alarms."""

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from inference.models.alarm import Alarm, AlarmRule
from patients.models import Patient, Ward


class AlertRule(models.Model):
    """When an alarm of these kinds is raised, mail these people."""

    class Recipients(models.TextChoices):
        TREATING = "treating", _("doctors who treat the patient")
        FIRST_TREATING = "first_treating", _("the first doctor who treats the patient")
        CARE_TEAM = "care_team", _("the whole care team")
        ADDRESSES = "addresses", _("the addresses below")

    name = models.CharField(_("name"), max_length=80)
    active = models.BooleanField(_("active"), default=True)
    rules = ArrayField(
        models.CharField(max_length=20, choices=AlarmRule.choices),
        verbose_name=_("alarms"),
        blank=True,
        default=list,
        help_text=_("None named: every alarm about the heart, no technical one."),
    )
    min_priority = models.PositiveSmallIntegerField(
        _("at least priority"),
        choices=Alarm.Priority.choices,
        default=Alarm.Priority.MEDIUM,
    )
    after_min = models.PositiveSmallIntegerField(
        _("minutes after the onset"),
        default=0,
        help_text=_("0: at once. Later: only if still open and not acknowledged."),
    )
    # With neither, the rule holds for everybody.
    ward = models.ForeignKey(
        Ward, models.CASCADE, null=True, blank=True, related_name="alert_rules"
    )
    patient = models.ForeignKey(
        Patient, models.CASCADE, null=True, blank=True, related_name="alert_rules"
    )
    recipients = models.CharField(
        _("mail"),
        max_length=14,
        choices=Recipients.choices,
        default=Recipients.CARE_TEAM,
    )
    addresses = ArrayField(
        models.EmailField(), verbose_name=_("addresses"), blank=True, default=list
    )
    dedupe_min = models.PositiveSmallIntegerField(
        _("minutes without a second mail for the same patient and alarm"), default=15
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a rule that would mail nobody."""
        if self.recipients == self.Recipients.ADDRESSES and not self.addresses:
            raise ValidationError({"addresses": _("Name at least one address.")})
