"""Records besides the live ones: finished long ago, or waiting for their backlog."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from django.db import connection
from django.utils import timezone
from numpy.typing import NDArray

from bench.day import FS
from bench.labels.feeder import GAIN
from devices.models import Chunk, Device, Record
from inference.models import AnalysisState
from inference.nets import annotator

LENGTH = FS * 3600
# Rows like the only one, with numbers of their own.
COPIES = """
INSERT INTO {table} SELECT (jsonb_populate_record(one, jsonb_build_object(
    'id', one.id + number, '{other}', one.{other} + number))).*
FROM {table} AS one, generate_series(1, %s) AS number
"""
RESUME = "SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"


def make_finished(count: int) -> None:
    """Make ``count`` records of files, an hour long, all of them analysed."""
    if not count:
        return
    then = timezone.now() - timedelta(days=30)
    record = Record.objects.create(
        source=Record.Source.FILE,
        fs=FS,
        leads=["I"],
        gain=GAIN,
        baseline=0,
        started_at=then,
        end_sample=LENGTH,
        sample_count=LENGTH,
        last_received_at=then,
    )
    AnalysisState.objects.create(
        record=record,
        annotator=annotator(),
        cursor_sample=LENGTH,
        flushed_sample=LENGTH,
        settled=True,
        advanced_at=then,
    )
    with connection.cursor() as cursor:
        for table, other in (
            ("devices_record", "id"),
            ("inference_analysisstate", "record_id"),
        ):
            cursor.execute(COPIES.format(table=table, other=other), [count - 1])
            cursor.execute(RESUME.format(table=table))
        # As autovacuum would have done long ago, and not while we measure.
        cursor.execute("VACUUM (ANALYZE) devices_record, inference_analysisstate")


def make_backlogs(count: int, hours: float, mv: NDArray[np.float32]) -> None:
    """Store ``count`` records of so many hours, as devices do that were away."""
    adu = np.resize(np.rint(mv * GAIN).astype("<i2"), round(hours * 3600 * FS))
    now = timezone.now()
    for number in range(count):
        record = Record.objects.create(
            device=Device.objects.create(serial=f"BACKLOG-{number}"),
            stream=f"{number:016x}",
            fs=FS,
            leads=["I"],
            gain=GAIN,
            baseline=0,
            started_at=now - timedelta(hours=hours),
            end_sample=len(adu),
            sample_count=len(adu),
            last_received_at=now,
        )
        Chunk.objects.bulk_create(_chunks(record, adu, now), batch_size=1000)


def _chunks(record: Record, adu: NDArray[np.int16], now: datetime) -> Iterator[Chunk]:
    size = 30 * FS
    for seq, first in enumerate(range(0, len(adu), size)):
        part = adu[first : first + size]
        yield Chunk(
            record=record,
            seq=seq,
            first_sample=first,
            n=len(part),
            crc=0,
            data=part.tobytes(),
            received_at=now,
        )
