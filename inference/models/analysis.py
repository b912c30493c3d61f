"""How far a record is analysed, and the beats that were found."""

import zlib

from django.db import models

from devices.models import Record
from inference.models.reanalysis import LiveManager, Reanalysis
from inference.packed_beats import unpack_beats


class AnalysisState(models.Model):
    """The cursor of one record under one annotator, and the state it carries."""

    record = models.OneToOneField(Record, models.CASCADE, related_name="analysis")
    annotator = models.CharField(max_length=40)
    # Index into the record's leads.
    lead = models.PositiveSmallIntegerField(default=0)
    # Everything before this sample is analysed and settled.
    cursor_sample = models.BigIntegerField(default=0)
    # Provisional results reach to here: the flushed tail of a silent record.
    flushed_sample = models.BigIntegerField(null=True)
    # The carried state before ``state_sample``, at most a minute of signal behind the
    # cursor; empty: that of the very beginning. Workers keep the newest in memory.
    state = models.BinaryField(default=bytes)
    state_sample = models.BigIntegerField(default=0)
    # Where that state began to remember: 0, or a little before the cursor at which a
    # state was found that this version cannot read.
    begun_sample = models.BigIntegerField(default=0, db_default=0)
    # Adler-32 of the state at the cursor: proof of what is remembered or recomputed.
    state_checksum = models.BigIntegerField(null=True)
    # Nothing is left to do until more samples come (see ``wake_records``).
    settled = models.BooleanField(default=False)
    # A worker holds the record until then; a killed worker's claim runs out.
    claimed_until = models.DateTimeField(null=True)
    claim = models.UUIDField(null=True)
    failed_count = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    # Late samples arrived behind the cursor: recompute from here, when due, and at
    # least to there; without an end, to the cursor.
    redo_from_sample = models.BigIntegerField(null=True)
    redo_to_sample = models.BigIntegerField(null=True)
    redo_due_at = models.DateTimeField(null=True)
    # When the first of these late samples were noticed.
    redo_since = models.DateTimeField(null=True)
    # How long the electrodes and the signal have been bad (see technical_rules).
    technical = models.JSONField(default=dict)
    # When the cursor last moved; a record that rests gets its tail flushed.
    advanced_at = models.DateTimeField()

    class Meta:
        indexes = [
            # Finished records pile up for years; those with work are few. No column
            # that moves with the cursor is in an index, so that PostgreSQL keeps all
            # versions of a row on its page.
            models.Index(
                fields=["record"],
                condition=models.Q(settled=False),
                name="analysis_state_unsettled",
            ),
            models.Index(
                fields=["redo_due_at"],
                condition=models.Q(redo_due_at__isnull=False),
                name="analysis_state_redo",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.record_id} to {self.cursor_sample}"

    @property
    def is_provisional(self) -> bool:
        """Tell whether late samples wait to be worked into what is shown."""
        return self.redo_from_sample is not None


class Checkpoint(models.Model):
    """The carried state at a sample, kept every five minutes of signal.

    After some hours only every fourth hour's stays, compressed (zlib).
    """

    record = models.ForeignKey(Record, models.CASCADE, related_name="checkpoints")
    sample = models.BigIntegerField()
    state = models.BinaryField()
    compressed = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ["sample"]
        constraints = [
            models.UniqueConstraint(
                fields=["record", "sample"], name="checkpoint_once_per_sample"
            )
        ]

    def __str__(self) -> str:
        return f"{self.record_id} at {self.sample}"

    @property
    def carried(self) -> bytes:
        """The state as it was carried."""
        state = bytes(self.state)
        return zlib.decompress(state) if self.compressed else state


class BeatBlock(models.Model):
    """The beats whose class became final while a span was analysed.

    Arrays are little-endian: ``samples`` int64, ``classes`` uint8 (index into
    ``CLASSES``), ``probabilities`` float32 (n × 5), ``rr_ms`` float32 (NaN: missing),
    ``quality`` uint8 per second of the span. Where the signal is in a segment, they
    are empty and stand in ``packed`` (see ``packed_beats``): read them by
    ``plain_rows``.
    """

    # A row for every two seconds of every live record: no index without a use.
    record = models.ForeignKey(
        Record, models.CASCADE, related_name="beat_blocks", db_index=False
    )
    # None: said by the live analysis.
    reanalysis = models.ForeignKey(
        Reanalysis,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="beat_blocks",
        db_index=False,
    )
    annotator = models.CharField(max_length=40)
    start_sample = models.BigIntegerField()
    end_sample = models.BigIntegerField()
    # The beats themselves may lie a little before the span.
    first_beat_sample = models.BigIntegerField(null=True)
    last_beat_sample = models.BigIntegerField(null=True)
    count = models.PositiveIntegerField(default=0)
    samples = models.BinaryField()
    classes = models.BinaryField()
    probabilities = models.BinaryField()
    rr_ms = models.BinaryField()
    quality = models.BinaryField()
    packed = models.BinaryField(null=True)
    heart_rate_bpm = models.FloatField(null=True)
    provisional = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    objects = LiveManager["BeatBlock"]()
    every = models.Manager["BeatBlock"]()

    class Meta:
        ordering = ["start_sample"]
        constraints = [
            models.UniqueConstraint(
                fields=["record", "annotator", "start_sample"],
                condition=models.Q(reanalysis=None),
                name="beat_block_once_per_start",
            ),
            models.UniqueConstraint(
                fields=["reanalysis", "start_sample"],
                condition=models.Q(reanalysis__isnull=False),
                name="beat_block_once_per_reanalysis",
            ),
        ]
        indexes = [
            models.Index(
                fields=["record", "last_beat_sample"], name="beat_block_beats"
            ),
            # What is still to be packed, among years that are.
            models.Index(
                fields=["record", "start_sample"],
                condition=models.Q(packed=None),
                name="beat_block_plain",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.record_id} [{self.start_sample}, {self.end_sample})"

    @property
    def arrays(self) -> dict[str, bytes]:
        """The arrays by name, whether they are packed or not."""
        if self.packed is not None:
            return unpack_beats(bytes(self.packed))
        return {
            "samples": bytes(self.samples),
            "classes": bytes(self.classes),
            "probabilities": bytes(self.probabilities),
            "rr_ms": bytes(self.rr_ms),
            "quality": bytes(self.quality),
        }
