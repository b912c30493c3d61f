"""Continuous recordings and the packets they are made of."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.models.assignment import Assignment
from devices.models.device import Device
from patients.models import Patient


class Record(models.Model):
    """One continuous stretch of one stream on one patient, or an uploaded file.

    ``fs``, leads, gain and baseline are constant in it. The sample index is the
    truth; time follows from the anchors.
    """

    class Source(models.TextChoices):
        DEVICE = "device", _("device")
        FILE = "file", _("file")

    source = models.CharField(
        max_length=6, choices=Source.choices, default=Source.DEVICE
    )
    device = models.ForeignKey(
        Device, models.PROTECT, null=True, blank=True, related_name="records"
    )
    stream = models.CharField(max_length=16, blank=True)
    assignment = models.ForeignKey(
        Assignment, models.PROTECT, null=True, blank=True, related_name="records"
    )
    # None: held until staff decides whose it is, or a file without a patient.
    patient = models.ForeignKey(
        Patient, models.PROTECT, null=True, blank=True, related_name="records"
    )
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="uploaded_records",
    )
    name = models.CharField(max_length=120, blank=True)
    fs = models.PositiveIntegerField()
    leads = ArrayField(models.CharField(max_length=8))
    gain = models.FloatField()
    baseline = models.IntegerField()
    started_at = models.DateTimeField()
    time_uncertain = models.BooleanField(default=False)
    # Kept by store_packets, in the transaction that stores the chunks.
    next_seq = models.BigIntegerField(default=0)
    # Bounds of the missing seq ranges, flattened: [3, 5, 9, 10] lacks 3, 4 and 9.
    gaps = ArrayField(models.BigIntegerField(), default=list, editable=False)
    end_sample = models.BigIntegerField(default=0)
    sample_count = models.BigIntegerField(default=0)
    # Where the first and the last of the samples lie that came behind the head, and
    # that no analysis has been told of.
    late_from_sample = models.BigIntegerField(null=True, editable=False)
    late_to_sample = models.BigIntegerField(null=True, editable=False)
    last_received_at = models.DateTimeField(null=True)
    # When its end came: heartbeats and what fills gaps say nothing of now.
    head_received_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "stream"],
                condition=Q(source="device"),
                name="record_stream_once_per_device",
            ),
            models.CheckConstraint(
                condition=Q(source="file", device=None)
                | Q(source="device", device__isnull=False),
                name="record_source_matches_device",
            ),
        ]
        indexes = [
            models.Index(fields=["patient", "started_at"], name="record_patient_time"),
            # Every upload changes it; a summarising index alone lets PostgreSQL write
            # the new row version without touching any other index.
            BrinIndex(
                fields=["last_received_at"],
                name="record_received",
                pages_per_range=8,
                autosummarize=True,
            ),
            # Of each device that is worn the newest are looked at every few seconds.
            models.Index(fields=["assignment", "-id"], name="record_newest"),
        ]

    def __str__(self) -> str:
        return self.name or f"record {self.pk}"

    @property
    def end_at(self) -> datetime:
        """Time of the end of the last stored sample."""
        return self.time_of(self.end_sample)

    def time_of(self, sample: int) -> datetime:
        """Time of a sample, from the last anchor at or before it (or the first)."""
        anchors = list(self.anchors.all())
        before = [anchor for anchor in anchors if anchor.sample <= sample]
        if not anchors:
            return self.started_at + timedelta(seconds=sample / self.fs)
        anchor = before[-1] if before else anchors[0]
        return anchor.at + timedelta(seconds=(sample - anchor.sample) / self.fs)


class OrphanedRecording(Record):
    """A recording of no patient whose uploader can no longer look at it."""

    class Meta:
        proxy = True
        verbose_name = _("orphaned recording")
        verbose_name_plural = _("orphaned recordings")


class Anchor(models.Model):
    """A piece of the map from samples to time starts here."""

    record = models.ForeignKey(Record, models.CASCADE, related_name="anchors")
    sample = models.BigIntegerField()
    at = models.DateTimeField()
    # A step above 2 s is shown as a clock correction.
    step_ms = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["sample"]
        constraints = [
            models.UniqueConstraint(
                fields=["record", "sample"], name="anchor_once_per_sample"
            )
        ]

    def __str__(self) -> str:
        return f"{self.record_id} {self.sample} at {self.at}"


class Chunk(models.Model):
    """One stored packet: little-endian int16, sample-major when interleaved."""

    record = models.ForeignKey(Record, models.CASCADE, related_name="chunks")
    seq = models.BigIntegerField()
    first_sample = models.BigIntegerField()
    # Samples per lead; 0 for a heartbeat.
    n = models.PositiveIntegerField()
    crc = models.BigIntegerField()
    data = models.BinaryField()
    at = models.DateTimeField(null=True)
    mono_ms = models.BigIntegerField(null=True)
    flags = ArrayField(models.CharField(max_length=10), default=list)
    lost_before = models.PositiveBigIntegerField(default=0)
    marker = models.BooleanField(default=False)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["record", "seq"], name="chunk_key_once")
        ]
        indexes = [
            models.Index(fields=["record", "first_sample"], name="chunk_record_sample")
        ]

    def __str__(self) -> str:
        return f"{self.record_id}/{self.seq}"
