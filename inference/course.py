"""The course of a recording: beats and seconds on one axis of time.

Whatever is asked of a minute, an hour or a day is prepared here once per beat, so
that a span of time needs only counting (``inference.tallies``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.ecg.types import CLASSES, Array, Beats, Episode, Mask

# A second of at least this quality (0..100) is usable: noise scores 40 at most.
USABLE_QUALITY = 50
# Heart rate is taken over this many intervals, as the alarm rules take it.
RATE_INTERVALS = 12
AF_LABELS = frozenset({"AF", "AFIB"})
_N, _S, _V = (CLASSES.index(name) for name in "NSV")


@dataclass(frozen=True)
class Course:
    """Beats, rows of ectopic beats and seconds; times are in s on one axis.

    Per beat, n of each: ``at_s``; ``classes``; ``rr_ms`` from R peak to R peak, NaN
    where unknown; ``rate_bpm`` over the last 12 intervals, NaN where they are not all
    known; ``nn_ms``, the interval where it lies between two normal beats of sinus
    rhythm, else NaN; ``step_ms``, its difference to the one before, NaN unless both
    are such intervals. Per row of at least two V or S beats: ``row_at_s`` (first
    beat), ``row_class``, ``row_beats``, ``row_bpm`` (NaN: unknown). Per analysed
    second: ``second_s`` where it begins, ``usable`` and ``in_af``.
    """

    at_s: Array
    classes: NDArray[np.uint8]
    rr_ms: Array
    rate_bpm: Array
    nn_ms: Array
    step_ms: Array
    row_at_s: Array
    row_class: NDArray[np.uint8]
    row_beats: NDArray[np.int64]
    row_bpm: Array
    second_s: Array
    usable: Mask
    in_af: Mask


def course_of(
    *,
    fs: int,
    beats: Beats,
    episodes: Sequence[Episode],
    quality: NDArray[np.uint8],
    times_s: tuple[Array, Array] | None = None,
) -> Course:
    """Return the course of one record.

    ``quality`` holds 0..100 per second from the first sample on. Without
    ``times_s`` (of the beats, and of the seconds) the axis begins at the first sample.
    """
    seconds = np.arange(len(quality))
    at_s, second_s = times_s or (beats.samples / fs, seconds.astype(np.float64))
    usable = quality >= USABLE_QUALITY
    in_af = _af_seconds(episodes, fs=fs, count=len(quality))
    rr_ms = r_intervals_ms(beats, fs=fs)
    place = np.minimum(beats.samples // fs, max(len(quality) - 1, 0))
    sinus = np.zeros(len(place), dtype=bool)
    if len(quality):
        sinus = (beats.classes == _N) & usable[place] & ~in_af[place]
    nn_ms = np.full(len(rr_ms), np.nan)
    nn_ms[1:] = np.where(sinus[1:] & sinus[:-1], rr_ms[1:], np.nan)
    step_ms = np.full(len(rr_ms), np.nan)
    step_ms[1:] = np.diff(nn_ms)
    rows = [_rows(beats.classes, at_s, rr_ms, wanted) for wanted in (_V, _S)]
    row_at_s, row_class, row_beats, row_bpm = (
        np.concatenate([row[k] for row in rows]) for k in range(4)
    )
    return Course(
        at_s=at_s,
        classes=beats.classes,
        rr_ms=rr_ms,
        rate_bpm=rates_bpm(rr_ms),
        nn_ms=nn_ms,
        step_ms=step_ms,
        row_at_s=row_at_s,
        row_class=row_class.astype(np.uint8),
        row_beats=row_beats,
        row_bpm=row_bpm,
        second_s=second_s,
        usable=usable,
        in_af=in_af & usable,
    )


def join_courses(courses: Sequence[Course]) -> Course:
    """Return several records on the same axis as one; nothing reaches across."""
    parts: dict[str, Any] = {
        item.name: np.concatenate([getattr(course, item.name) for course in courses])
        for item in fields(Course)
    }
    return Course(**parts)


def r_intervals_ms(beats: Beats, *, fs: int) -> Array:
    """Return the time from R peak to R peak, NaN where ``rr_ms`` is unknown.

    ``rr_ms`` is measured between the steepest slopes, which serves the classifier;
    in a wide beat that is some 50 ms away from the R peak that people see.
    """
    rr_ms = np.full(len(beats.samples), np.nan)
    rr_ms[1:] = np.diff(beats.samples) * 1000.0 / fs
    rr_ms[~np.isfinite(beats.rr_ms)] = np.nan
    return rr_ms


def rates_bpm(rr_ms: Array) -> Array:
    """Return the heart rate at each beat over its last 12 intervals, or NaN.

    An unknown interval starts anew. The rate lags by half of the intervals.
    """
    rate = np.full(len(rr_ms), np.nan)
    if len(rr_ms) < RATE_INTERVALS:
        return rate
    known = np.isfinite(rr_ms)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, rr_ms, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    full = count[RATE_INTERVALS:] - count[:-RATE_INTERVALS] == RATE_INTERVALS
    span = total[RATE_INTERVALS:] - total[:-RATE_INTERVALS]
    full &= span > 0
    rate[RATE_INTERVALS - 1 :][full] = RATE_INTERVALS * 60_000.0 / span[full]
    return rate


def _af_seconds(episodes: Sequence[Episode], *, fs: int, count: int) -> Mask:
    """Tell of each second whether it begins in atrial fibrillation."""
    mask = np.zeros(count, dtype=bool)
    for episode in episodes:
        if episode.label in AF_LABELS and not episode.withdrawn:
            end = episode.end_sample
            stop = count if end is None else -(-end // fs)
            mask[-(-episode.onset_sample // fs) : stop] = True
    return mask


def _rows(
    classes: NDArray[np.uint8], at_s: Array, rr_ms: Array, wanted: int
) -> tuple[Array, Array, NDArray[np.int64], Array]:
    """Return the unbroken rows of one class; an unknown interval breaks a row."""
    member = classes == wanted
    # A beat goes on with the row if the one before is a member and not cut off.
    follows = np.zeros(len(member), dtype=bool)
    follows[1:] = member[1:] & member[:-1] & np.isfinite(rr_ms[1:])
    edges = np.flatnonzero(np.diff(np.concatenate([[0], follows, [0]]).astype(int)))
    starts, ends = edges[::2] - 1, edges[1::2]
    total = np.concatenate([[0.0], np.cumsum(np.where(np.isfinite(rr_ms), rr_ms, 0.0))])
    beats = (ends - starts).astype(np.int64)
    span_ms = total[ends] - total[starts + 1]
    with np.errstate(divide="ignore"):
        bpm = np.where(span_ms > 0, 60_000.0 * (beats - 1) / span_ms, np.nan)
    return at_s[starts], np.full(len(starts), wanted, np.float64), beats, bpm
