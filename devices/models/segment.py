"""Some minutes of a record in one file, and what is under way about such files."""

from django.db import models

from devices.models.record import Record

# A segment holds the packets that begin in so many seconds of its record.
SEGMENT_S = 300


class Segment(models.Model):
    """The packets that begin in one span of a record; the file is named by ``key``.

    Spans count from the record's first sample. By ``seq`` segments of a record lie
    one after the other, as by sample; ``places`` tells repeated packets without the
    file, ``overview`` and ``coarse`` are bins of 512 and of 8,192 samples.
    """

    record = models.ForeignKey(Record, models.CASCADE, related_name="segments")
    span_sample = models.BigIntegerField()
    # Of the samples that are there.
    start_sample = models.BigIntegerField()
    end_sample = models.BigIntegerField()
    sample_count = models.BigIntegerField()
    first_seq = models.BigIntegerField()
    last_seq = models.BigIntegerField()
    chunk_count = models.PositiveIntegerField()
    places = models.BinaryField()
    overview = models.BinaryField()
    coarse = models.BinaryField()
    key = models.CharField(max_length=64, unique=True)
    sha256 = models.BinaryField(max_length=32)
    size = models.PositiveBigIntegerField()
    # When the last packet with signal arrived.
    received_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["span_sample"]
        constraints = [
            models.UniqueConstraint(
                fields=["record", "span_sample"], name="segment_once_per_span"
            )
        ]
        indexes = [models.Index(fields=["record", "last_seq"], name="segment_seq")]

    def __str__(self) -> str:
        return f"{self.record_id} [{self.start_sample}, {self.end_sample})"


class LooseFile(models.Model):
    """A file that no segment names: being written, or replaced and to be removed."""

    key = models.CharField(max_length=64, unique=True)
    remove_after = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["remove_after"], name="loose_file_due")]

    def __str__(self) -> str:
        return self.key


class Compaction(models.Model):
    """How far the chunks of a record have become segments, and who is at it."""

    record = models.OneToOneField(Record, models.CASCADE, related_name="compaction")
    # What begins before it is in segments, but for what came late.
    done_sample = models.BigIntegerField(default=0)
    # Nothing was left to do after the packets that had come until then.
    done_received_at = models.DateTimeField(null=True)
    # By retention: what was stored once and is kept no longer.
    removed_samples = models.BigIntegerField(default=0, db_default=0)
    removed_to_sample = models.BigIntegerField(default=0, db_default=0)
    removed_to_seq = models.BigIntegerField(default=-1, db_default=-1)
    # A killed worker's claim runs out.
    claimed_until = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)
    failed_count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.record_id} to {self.done_sample}"
