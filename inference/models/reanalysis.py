"""What another version of the analysis says of a record, beside the live one."""

from typing import Any, TypeVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

from devices.models import Record

_Model = TypeVar("_Model", bound=models.Model)


class Reanalysis(models.Model):
    """One annotator over ``[start, end)`` of a record, in blocks of checkpoints.

    Its beats and episodes carry it; those without one are what the live analysis
    said. They are kept side by side, and ``current`` says which of them is shown.
    """

    record = models.ForeignKey(Record, models.CASCADE, related_name="reanalyses")
    annotator = models.CharField(max_length=40)
    start_sample = models.BigIntegerField()
    end_sample = models.BigIntegerField()
    # Everything before is done; ``state`` is carried there, counted from ``base``.
    cursor_sample = models.BigIntegerField()
    base_sample = models.BigIntegerField(default=0)
    state = models.BinaryField(null=True)
    lead = models.PositiveSmallIntegerField(default=0)
    # The span ends with its recording, and holds what was said at its very end.
    to_end = models.BooleanField(default=False)
    current = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["created_at"]
        verbose_name_plural = "reanalyses"
        constraints = [
            models.UniqueConstraint(
                fields=["record", "annotator"], name="reanalysis_once_per_annotator"
            ),
            models.UniqueConstraint(
                fields=["record"],
                condition=Q(current=True),
                name="reanalysis_one_current",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.record_id} by {self.annotator}"


class LiveManager(models.Manager[_Model]):
    """What the live analysis said: nothing else may raise or clear an alarm."""

    def get_queryset(self) -> "models.QuerySet[_Model]":
        """Leave out what other versions said afterwards."""
        return super().get_queryset().filter(reanalysis=None)


def shown_line(place: str, annotator: str | None = None) -> Q:
    """Return the condition for rows that are shown, or that ``annotator`` said.

    ``place`` is the field with the sample where a row belongs. Where a reanalysis
    holds (the current one, or that of ``annotator``), its rows are taken, elsewhere
    those of the live analysis.
    """
    chosen: dict[str, Any] = {"current": True}
    if annotator:
        chosen = {"annotator": annotator}
    before_end = Q(end_sample__gt=OuterRef(place))
    before_end |= Q(to_end=True, end_sample=OuterRef(place))
    held = Reanalysis.objects.filter(
        before_end,
        record=OuterRef("record"),
        start_sample__lte=OuterRef(place),
        **chosen,
    )
    live = Q(Q(reanalysis=None), ~Exists(held))
    if annotator:
        live = Q(live, annotator=annotator)
    return Q(live | Q(**{f"reanalysis__{key}": value for key, value in chosen.items()}))
