"""One span of time in figures: a minute, an hour, a day, a whole recording."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.course import Course
from inference.ecg.types import CLASSES, Array
from inference.tallies import TALLY, tally

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
# Fewer say nothing: a rate per hour of less than a minute, a spread of few intervals.
_LEAST_USABLE_S = 60
_LEAST_INTERVALS = 10
_LEAST_SEGMENTS = 3


@dataclass(frozen=True)
class SpanSummary:
    """Figures of ``[onset_s, end_s)``; None where its beats do not tell.

    Burdens are shares: of V and S of all beats, of AF of the usable time. SDNN, RMSSD
    and SDANN are over intervals between normal beats in sinus rhythm alone; SDANN is
    the spread of the means of five minutes. ``*_run_beats`` is the longest run and
    ``*_run_bpm`` the fastest; a run has at least 3 beats.
    """

    onset_s: float
    end_s: float
    analysed_s: float
    usable_s: float
    usable_share: float
    beat_count: int
    beats: dict[str, int]
    heart_rate_min_bpm: float | None
    heart_rate_mean_bpm: float | None
    heart_rate_max_bpm: float | None
    longest_rr_ms: float | None
    longest_rr_at_s: float | None
    v_burden: float
    s_burden: float
    v_per_hour: float | None
    s_per_hour: float | None
    v_couplets: int
    v_runs: int
    v_run_beats: int
    v_run_bpm: float | None
    s_couplets: int
    s_runs: int
    s_run_beats: int
    s_run_bpm: float | None
    af_s: float
    af_burden: float | None
    nn_count: int
    sdnn_ms: float | None
    rmssd_ms: float | None
    sdann_ms: float | None


def summarise_spans(course: Course, *, step_s: float) -> list[SpanSummary]:
    """Summarise each step of a course whose axis begins at 0; the last is shorter."""
    end_s = float(course.second_s[-1]) + 1.0 if len(course.second_s) else 0.0
    edges = step_edges(end_s, step_s)
    return [
        span_summary(row, onset_s=onset, end_s=min(stop, end_s))
        for row, onset, stop in zip(
            tally(course, edges), edges[:-1].tolist(), edges[1:].tolist(), strict=True
        )
    ]


def step_edges(end_s: float, step_s: float) -> Array:
    """Return 0, step, 2 step … up to the first that is not before ``end_s``."""
    count = int(np.ceil(end_s / step_s))
    return np.arange(count + 1, dtype=np.float64) * step_s


def span_summary(row: np.void, *, onset_s: float, end_s: float) -> SpanSummary:
    """Return the figures of one TALLY, such as ``tallies[0]``."""
    v, s = CLASSES.index("V"), CLASSES.index("S")
    # Plain numbers at once: a day has 1,440 minutes of 26 fields.
    said: dict[str, Any] = dict(zip(TALLY.names or (), row.item(), strict=True))
    beats: list[int] = said["beats"].tolist()
    count, usable_s = sum(beats), said["usable_s"]
    mean = 60_000.0 * _ratio(said["rr_count"], said["rr_sum_ms"])
    mean_bpm = mean if mean > 0 else None
    lowest, highest = _known(said["lowest_bpm"]), _known(said["highest_bpm"])
    hours = usable_s / HOUR_S if usable_s >= _LEAST_USABLE_S else None
    return SpanSummary(
        onset_s=onset_s,
        end_s=end_s,
        analysed_s=said["seconds"],
        usable_s=usable_s,
        usable_share=_ratio(usable_s, said["seconds"]),
        beat_count=count,
        beats=dict(zip(CLASSES, beats, strict=True)),
        # Too few beats for a rate over twelve intervals: the mean has to do.
        heart_rate_min_bpm=mean_bpm if lowest is None else lowest,
        heart_rate_mean_bpm=mean_bpm,
        heart_rate_max_bpm=mean_bpm if highest is None else highest,
        longest_rr_ms=_known(said["longest_rr_ms"]),
        longest_rr_at_s=_known(said["longest_rr_at_s"]),
        v_burden=_ratio(beats[v], count),
        s_burden=_ratio(beats[s], count),
        v_per_hour=None if hours is None else beats[v] / hours,
        s_per_hour=None if hours is None else beats[s] / hours,
        v_couplets=said["v_couplets"],
        v_runs=said["v_runs"],
        v_run_beats=said["v_run_beats"],
        v_run_bpm=_known(said["v_run_bpm"]),
        s_couplets=said["s_couplets"],
        s_runs=said["s_runs"],
        s_run_beats=said["s_run_beats"],
        s_run_bpm=_known(said["s_run_bpm"]),
        af_s=said["af_s"],
        af_burden=said["af_s"] / usable_s if usable_s else None,
        nn_count=said["nn_count"],
        sdnn_ms=_spread(said["nn_count"], said["nn_sum_ms"], said["nn_squares"]),
        rmssd_ms=_root_mean(said["step_count"], said["step_squares"]),
        sdann_ms=_spread(
            said["segment_count"],
            said["segment_sum_ms"],
            said["segment_squares"],
            least=_LEAST_SEGMENTS,
        ),
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _spread(
    count: int, total: float, squares: float, *, least: int = _LEAST_INTERVALS
) -> float | None:
    """Return the standard deviation of a sample from its sums."""
    if count < least:
        return None
    return math.sqrt(max((squares - total**2 / count) / (count - 1), 0.0))


def _root_mean(count: int, squares: float) -> float | None:
    if count < _LEAST_INTERVALS:
        return None
    return math.sqrt(squares / count)
