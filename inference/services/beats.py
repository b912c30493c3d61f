"""Beats of a record as arrays: how blocks keep them, and reading them back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray

from devices.models import Record
from inference.ecg.types import Analysis, Beats
from inference.models import BeatBlock
from inference.models.reanalysis import shown_line
from inference.services.block_rows import plain_rows

Blocks = QuerySet[BeatBlock]


def beat_block(
    record: Record,
    analysis: Analysis,
    *,
    annotator: str,
    provisional: bool = False,
    now: datetime,
) -> BeatBlock:
    """Return the row, not yet saved, that keeps one analysis."""
    beats = analysis.beats
    rate = analysis.heart_rate_bpm
    return BeatBlock(
        record=record,
        annotator=annotator,
        start_sample=analysis.start_sample,
        end_sample=analysis.end_sample,
        first_beat_sample=int(beats.samples[0]) if len(beats.samples) else None,
        last_beat_sample=int(beats.samples[-1]) if len(beats.samples) else None,
        count=len(beats.samples),
        samples=beats.samples.astype("<i8").tobytes(),
        classes=beats.classes.astype("u1").tobytes(),
        probabilities=beats.probabilities.astype("<f4").tobytes(),
        rr_ms=beats.rr_ms.astype("<f4").tobytes(),
        quality=analysis.quality.astype("u1").tobytes(),
        heart_rate_bpm=None if np.isnan(rate) else float(rate),
        provisional=provisional,
        created_at=now,
    )


def insert_blocks(blocks: Sequence[BeatBlock]) -> None:
    """Insert new blocks with one COPY, which is several times cheaper than INSERTs."""
    names = [field.attname for field in _COPIED]
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for block in blocks:
            copy.write_row([getattr(block, name) for name in names])


_COPIED = [field for field in BeatBlock._meta.concrete_fields if not field.primary_key]
_COPY = f"""
COPY {BeatBlock._meta.db_table} ({", ".join(str(field.column) for field in _COPIED)})
FROM STDIN (FORMAT BINARY)
"""
_TYPES = [(field.db_type(connection) or "").split("(")[0] for field in _COPIED]


def beats_of(blocks: Blocks) -> Beats:
    """Join the beats of blocks that are ordered by their start."""
    arrays = list(plain_rows(blocks, "samples", "classes", "probabilities", "rr_ms"))
    samples, classes, probabilities, rr_ms = (
        b"".join(bytes(part) for part in column)
        for column in (zip(*arrays, strict=True) if arrays else [()] * 4)
    )
    return Beats(
        samples=np.frombuffer(samples, "<i8").astype(np.int64),
        classes=np.frombuffer(classes, "u1").astype(np.uint8),
        probabilities=np.frombuffer(probabilities, "<f4")
        .astype(np.float32)
        .reshape(-1, 5),
        rr_ms=np.frombuffer(rr_ms, "<f4").astype(np.float32),
    )


def shown_blocks(record: Record, *, annotator: str | None = None) -> Blocks:
    """Return the blocks that are shown of a record, or those ``annotator`` said."""
    line = shown_line("start_sample", annotator)
    return BeatBlock.every.filter(line, record=record).order_by("start_sample")


def beats_between(
    record: Record, start: int, end: int, *, annotator: str | None = None
) -> Beats:
    """Return the beats whose R peaks lie in ``[start, end)`` of the record.

    Those that are shown, or those that ``annotator`` found.
    """
    blocks = shown_blocks(record, annotator=annotator).filter(
        last_beat_sample__gte=start, first_beat_sample__lt=end
    )
    beats = beats_of(blocks)
    inside = (beats.samples >= start) & (beats.samples < end)
    return Beats(
        samples=beats.samples[inside],
        classes=beats.classes[inside],
        probabilities=beats.probabilities[inside],
        rr_ms=beats.rr_ms[inside],
    )


@dataclass(frozen=True)
class Quality:
    """Signal quality 0..100 per second, from ``first_second`` of the record on."""

    first_second: int
    values: NDArray[np.uint8]


def quality_between(
    record: Record, start: int, end: int, *, blocks: Blocks | None = None
) -> Quality:
    """Return the quality of the seconds that touch ``[start, end)``.

    From ``blocks``, by default those of the live analysis.
    """
    first, last = start // record.fs, -(-end // record.fs)
    values = np.zeros(max(0, last - first), dtype=np.uint8)
    rows = BeatBlock.objects.filter(record=record) if blocks is None else blocks
    rows = rows.filter(end_sample__gt=start, start_sample__lt=end)
    for block_start, stored in plain_rows(rows, "start_sample", "quality"):
        offset = block_start // record.fs - first
        seconds = np.frombuffer(bytes(stored), "u1")
        low, high = max(0, offset), min(len(values), offset + len(seconds))
        values[low:high] = seconds[low - offset : high - offset]
    return Quality(first, values)
