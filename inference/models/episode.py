"""Rhythm episodes."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.models import Record
from inference.models.reanalysis import LiveManager, Reanalysis
from patients.models import Patient


class Episode(models.Model):
    """A stretch of one rhythm, ``[onset, end)``; an open one has no end yet."""

    class Label(models.TextChoices):
        VF = "VF", _("ventricular fibrillation or flutter")
        VT = "VT", _("ventricular tachycardia")
        VRUN = "VRUN", _("ventricular run")
        COUPLET = "COUPLET", _("ventricular couplet")
        BIGEMINY = "BIGEMINY", _("ventricular bigeminy")
        TRIGEMINY = "TRIGEMINY", _("ventricular trigeminy")
        AF = "AF", _("atrial fibrillation")
        SVT = "SVT", _("supraventricular run")
        TACHY = "TACHY", _("tachycardia")
        EXTREME_TACHY = "EXTREME_TACHY", _("extreme tachycardia")
        BRADY = "BRADY", _("bradycardia")
        EXTREME_BRADY = "EXTREME_BRADY", _("extreme bradycardia")
        PAUSE = "PAUSE", _("pause")
        ASYSTOLE = "ASYSTOLE", _("asystole")
        PACED = "PACED", _("paced rhythm")
        NOISE = "NOISE", _("unreadable signal")
        NO_DATA = "NO_DATA", _("no data")

    # A patient who sends nothing has an episode without a record.
    record = models.ForeignKey(
        Record, models.CASCADE, null=True, blank=True, related_name="episodes"
    )
    patient = models.ForeignKey(
        Patient, models.CASCADE, null=True, blank=True, related_name="episodes"
    )
    # None: said by the live analysis.
    reanalysis = models.ForeignKey(
        Reanalysis, models.CASCADE, null=True, blank=True, related_name="episodes"
    )
    annotator = models.CharField(max_length=40)
    label = models.CharField(max_length=20, choices=Label.choices)
    onset_sample = models.BigIntegerField(null=True)
    end_sample = models.BigIntegerField(null=True)
    onset_at = models.DateTimeField()
    end_at = models.DateTimeField(null=True)
    peak = models.FloatField(null=True)
    detail = models.CharField(max_length=200, blank=True)
    beats = models.PositiveIntegerField(default=0)
    provisional = models.BooleanField(default=False)
    # The cursor of the analysis that last reported it.
    reported_sample = models.BigIntegerField(null=True)
    # Why it raised no alarm, if it would have raised one.
    suppressed = models.CharField(max_length=80, blank=True)
    # A later look at late samples changed it or took it back.
    revised_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = LiveManager["Episode"]()
    every = models.Manager["Episode"]()

    class Meta:
        ordering = ["-onset_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["record", "annotator", "label", "onset_sample"],
                condition=Q(
                    record__isnull=False, onset_sample__isnull=False, reanalysis=None
                ),
                name="episode_once_per_onset",
            ),
            models.UniqueConstraint(
                fields=["reanalysis", "label", "onset_sample"],
                name="episode_once_per_reanalysis",
            ),
        ]
        indexes = [
            models.Index(fields=["patient", "-onset_at"], name="episode_patient_time"),
            # Asked for with every second of signal, and by every sweep for silence.
            models.Index(
                fields=["record"],
                condition=Q(withdrawn_at=None) & (Q(end_at=None) | Q(provisional=True)),
                name="episode_pending",
            ),
            models.Index(
                fields=["label"], condition=Q(end_at=None), name="episode_unended"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_label_display()} {self.detail}"
