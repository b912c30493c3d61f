"""Alarms: conditions for a person."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.models import Record
from inference.models.episode import Episode
from patients.models import Patient


class AlarmRule(models.TextChoices):
    """What raises an alarm: a label of an episode, or a technical condition."""

    ASYSTOLE = "ASYSTOLE", _("asystole")
    VF = "VF", _("ventricular fibrillation or flutter")
    VT = "VT", _("ventricular tachycardia")
    EXTREME_TACHY = "EXTREME_TACHY", _("extreme tachycardia")
    EXTREME_BRADY = "EXTREME_BRADY", _("extreme bradycardia")
    TACHY = "TACHY", _("heart rate high")
    BRADY = "BRADY", _("heart rate low")
    PAUSE = "PAUSE", _("pause")
    VRUN = "VRUN", _("ventricular run")
    AF = "AF", _("atrial fibrillation")
    LEAD_OFF = "LEAD_OFF", _("electrode off")
    NOISE = "NOISE", _("noisy signal")
    NO_DATA = "NO_DATA", _("no data")


class AlarmQuerySet(models.QuerySet["Alarm"]):
    """Which alarms ask for somebody."""

    def open(self) -> "AlarmQuerySet":
        """Keep the active ones and the latched ones nobody acknowledged."""
        return self.filter(
            Q(state=Alarm.State.ACTIVE)
            | Q(priority=Alarm.Priority.HIGH, acknowledged_at=None),
            late=False,
        )

    def worst_first(self) -> "AlarmQuerySet":
        """Order by priority, unacknowledged before acknowledged, newest first."""
        return self.order_by(
            "-priority", models.F("acknowledged_at").asc(nulls_first=True), "-onset_at"
        )


class Alarm(models.Model):
    """A row with a life: ACTIVE | CLEARED × unacknowledged | acknowledged."""

    class Priority(models.IntegerChoices):
        TECHNICAL = 0, _("technical")
        LOW = 1, _("low")
        MEDIUM = 2, _("medium")
        HIGH = 3, _("high")

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        CLEARED = "cleared", _("cleared")

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="alarms")
    record = models.ForeignKey(
        Record, models.CASCADE, null=True, blank=True, related_name="alarms"
    )
    episode = models.ForeignKey(
        Episode, models.SET_NULL, null=True, blank=True, related_name="alarms"
    )
    rule = models.CharField(max_length=20, choices=AlarmRule.choices)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices)
    state = models.CharField(max_length=7, choices=State.choices, default=State.ACTIVE)
    # Found in data that came late: for review, never a "now" alarm.
    late = models.BooleanField(default=False)
    onset_at = models.DateTimeField()
    end_at = models.DateTimeField(null=True)
    onset_sample = models.BigIntegerField(null=True)
    end_sample = models.BigIntegerField(null=True)
    # The limit that was broken, in words: "HR 134 > 120".
    detail = models.CharField(max_length=200)
    peak = models.FloatField(null=True)
    quality = models.PositiveSmallIntegerField(null=True)
    annotator = models.CharField(max_length=40)
    raised_at = models.DateTimeField()
    revised_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    acknowledge_reason = models.CharField(max_length=200, blank=True)
    # Set by the one worker that queued the mails.
    notified_at = models.DateTimeField(null=True)

    objects = AlarmQuerySet.as_manager()

    class Meta:
        ordering = ["-onset_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["record", "rule", "onset_sample"],
                condition=Q(record__isnull=False, onset_sample__isnull=False),
                name="alarm_once_per_onset",
            ),
            models.UniqueConstraint(
                fields=["patient", "rule"],
                condition=Q(state="active", late=False),
                name="alarm_one_active_per_rule",
            ),
        ]
        indexes = [
            models.Index(fields=["patient", "-onset_at"], name="alarm_patient_time"),
            models.Index(fields=["onset_at"], name="alarm_onset"),
            models.Index(
                fields=["raised_at"],
                condition=Q(notified_at=None),
                name="alarm_to_notify",
            ),
            # Every open page asks every few seconds; history grows for years.
            models.Index(
                fields=["patient"],
                condition=Q(late=False)
                & (Q(state="active") | Q(priority=3, acknowledged_at=None)),
                name="alarm_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_rule_display()}: {self.detail}"


class AlarmChange(models.Model):
    """One change in an alarm's life: history, audit and work queue."""

    class Kind(models.TextChoices):
        RAISED = "raised", _("raised")
        UPDATED = "updated", _("updated")
        CLEARED = "cleared", _("cleared")
        ACKNOWLEDGED = "acknowledged", _("acknowledged")
        REVISED = "revised", _("revised")

    alarm = models.ForeignKey(Alarm, models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.alarm_id} {self.kind}"
