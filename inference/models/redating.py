"""What is to be dated anew."""

from django.db import models

from devices.models import Record


class Redating(models.Model):
    """Stored samples of a record, from one on, got other times: a mark.

    It is written with these times, and goes with the work (``redate_pending``). Marks
    of one record may be several, so that no upload waits for who works at them.
    """

    record = models.ForeignKey(Record, models.CASCADE, related_name="redatings")
    from_sample = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.record_id} from {self.from_sample}"
