"""Hours of a record in figures, kept so that a day is read at once."""

from django.db import models

from devices.models import Record


class HourSummary(models.Model):
    """What one hour of a record counts: a cache, which may be emptied at any time.

    An hour begins with a full hour of the patient's own clock. Reading a day of beats
    as they came, second by second, takes 0.5 s; from these rows, some milliseconds.
    """

    record = models.ForeignKey(Record, models.CASCADE, related_name="hours")
    start_at = models.DateTimeField()
    end_at = models.DateTimeField()
    # It holds while the hour of the record is analysed to here.
    upto_sample = models.BigIntegerField()
    # The fields of a TALLY by their names; null where no beat tells.
    tally = models.JSONField()

    class Meta:
        ordering = ["start_at"]
        verbose_name_plural = "hour summaries"
        constraints = [
            models.UniqueConstraint(
                fields=["record", "start_at"], name="hour_summary_once_per_start"
            )
        ]

    def __str__(self) -> str:
        return f"{self.record_id} {self.start_at:%Y-%m-%d %H:%M}"
