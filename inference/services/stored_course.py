"""The course of a stored record on the axis of time: seconds since 1970."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from devices.models import Record
from devices.time_map import TimeMap
from inference.course import AF_LABELS, Course, course_of
from inference.ecg.types import CLASSES, Beats
from inference.ecg.types import Episode as Seen
from inference.services.beats import shown_blocks
from inference.services.block_rows import plain_rows
from inference.services.episodes import episodes_of

# A day is up to 86,400 rows: probabilities, the larger part, are left in the database.
_COLUMNS = ("start_sample", "samples", "classes", "rr_ms", "quality")
_Row = tuple[int, bytes, bytes, bytes, bytes]


def stored_course(record: Record, start: int, end: int, *, time_map: TimeMap) -> Course:
    """Return the course of the blocks that touch ``[start, end)`` of the record."""
    blocks = shown_blocks(record).filter(start_sample__lt=end, end_sample__gt=start)
    rows: Sequence[_Row] = list(plain_rows(blocks, *_COLUMNS))
    fs = record.fs
    base = min((row[0] for row in rows), default=0) // fs * fs
    beats = _beats(rows, base)
    quality = _quality(rows, base // fs, fs)
    at_s, second_s = (
        time_map.epoch_ms(samples + base) / 1000
        for samples in (beats.samples, np.arange(len(quality)) * fs)
    )
    return course_of(
        fs=fs,
        beats=beats,
        episodes=_af_episodes(record, base, base + len(quality) * fs),
        quality=quality,
        times_s=(at_s, second_s),
    )


def _beats(rows: Sequence[_Row], base: int) -> Beats:
    samples = b"".join(row[1] for row in rows)
    classes = b"".join(row[2] for row in rows)
    rr_ms = b"".join(row[3] for row in rows)
    return Beats(
        samples=np.frombuffer(samples, "<i8").astype(np.int64) - base,
        classes=np.frombuffer(classes, "u1").astype(np.uint8),
        probabilities=np.zeros((len(classes), len(CLASSES)), np.float32),
        rr_ms=np.frombuffer(rr_ms, "<f4").astype(np.float32),
    )


def _quality(rows: Sequence[_Row], first: int, fs: int) -> NDArray[np.uint8]:
    """Return the quality of each second from ``first`` on; 0 where none is stored."""
    lengths = np.array([len(row[4]) for row in rows], dtype=np.int64)
    starts = np.array([row[0] // fs - first for row in rows], dtype=np.int64)
    size = int((starts + lengths).max(initial=0))
    values = np.zeros(size, dtype=np.uint8)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    stored = np.frombuffer(b"".join(row[4] for row in rows), "u1")
    values[np.repeat(starts, lengths) + within] = stored
    return values


def _af_episodes(record: Record, base: int, end: int) -> list[Seen]:
    rows = episodes_of(record).filter(label__in=AF_LABELS, onset_sample__lt=end)
    return [
        Seen(
            label=row.label,
            onset_sample=max((row.onset_sample or 0) - base, 0),
            end_sample=None if row.end_sample is None else row.end_sample - base,
            peak=0.0,
            detail="",
            beats=0,
        )
        for row in rows
        if row.end_sample is None or row.end_sample > base
    ]
