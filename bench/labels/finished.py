"""Records that were analysed long ago: what a worker must not look through."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from devices.models import Record
from inference.models import AnalysisState
from inference.nets import annotator

BATCH = 5000
LENGTH = 250 * 3600


def make_finished(count: int) -> None:
    """Make ``count`` records of files, an hour long, all of them analysed."""
    then = timezone.now() - timedelta(days=30)
    for first in range(0, count, BATCH):
        records = Record.objects.bulk_create(
            Record(
                source=Record.Source.FILE,
                name=f"old {number}",
                fs=250,
                leads=["I"],
                gain=200.0,
                baseline=0,
                started_at=then,
                end_sample=LENGTH,
                sample_count=LENGTH,
                last_received_at=then,
            )
            for number in range(first, min(first + BATCH, count))
        )
        AnalysisState.objects.bulk_create(
            AnalysisState(
                record=record,
                annotator=annotator(),
                state=b"",
                cursor_sample=LENGTH,
                flushed_sample=LENGTH,
                advanced_at=then,
            )
            for record in records
        )
