"""Beats of a record as arrays: how blocks keep them, and reading them back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from devices.models import Record
from inference.ecg.types import Analysis, Beats
from inference.models import BeatBlock


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


def beats_of(blocks: Iterable[BeatBlock]) -> Beats:
    """Join the beats of blocks that are ordered by their start."""
    rows = list(blocks)
    samples = b"".join(bytes(row.samples) for row in rows)
    classes = b"".join(bytes(row.classes) for row in rows)
    probabilities = b"".join(bytes(row.probabilities) for row in rows)
    rr_ms = b"".join(bytes(row.rr_ms) for row in rows)
    return Beats(
        samples=np.frombuffer(samples, "<i8").astype(np.int64),
        classes=np.frombuffer(classes, "u1").astype(np.uint8),
        probabilities=np.frombuffer(probabilities, "<f4")
        .astype(np.float32)
        .reshape(-1, 5),
        rr_ms=np.frombuffer(rr_ms, "<f4").astype(np.float32),
    )


def beats_between(record: Record, start: int, end: int) -> Beats:
    """Return the beats whose R peaks lie in ``[start, end)`` of the record."""
    blocks = BeatBlock.objects.filter(
        record=record, last_beat_sample__gte=start, first_beat_sample__lt=end
    ).order_by("start_sample")
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


def quality_between(record: Record, start: int, end: int) -> Quality:
    """Return the quality of the seconds that touch ``[start, end)``."""
    first, last = start // record.fs, -(-end // record.fs)
    values = np.zeros(max(0, last - first), dtype=np.uint8)
    blocks = BeatBlock.objects.filter(
        Q(end_sample__gt=start), record=record, start_sample__lt=end
    ).order_by("start_sample")
    for block_start, stored in blocks.values_list("start_sample", "quality"):
        offset = block_start // record.fs - first
        seconds = np.frombuffer(bytes(stored), "u1")
        low, high = max(0, offset), min(len(values), offset + len(seconds))
        values[low:high] = seconds[low - offset : high - offset]
    return Quality(first, values)
