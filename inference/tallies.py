"""Counts and sums over spans of time, which add up to those of longer spans."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.course import Course
from inference.ecg.types import CLASSES, Array

MIN_RUN = 3
# SDANN is taken over means of so long; spans begin at whole multiples of it.
SEGMENT_S = 300
# A mean of fewer intervals says little about its five minutes.
SEGMENT_INTERVALS = 30

TALLY = np.dtype(
    [
        ("seconds", "f8"),
        ("usable_s", "f8"),
        ("af_s", "f8"),
        ("beats", "i8", (len(CLASSES),)),
        ("rr_count", "i8"),
        ("rr_sum_ms", "f8"),
        ("lowest_bpm", "f8"),
        ("highest_bpm", "f8"),
        ("longest_rr_ms", "f8"),
        ("longest_rr_at_s", "f8"),
        ("v_couplets", "i8"),
        ("v_runs", "i8"),
        ("v_run_beats", "i8"),
        ("v_run_bpm", "f8"),
        ("s_couplets", "i8"),
        ("s_runs", "i8"),
        ("s_run_beats", "i8"),
        ("s_run_bpm", "f8"),
        ("nn_count", "i8"),
        ("nn_sum_ms", "f8"),
        ("nn_squares", "f8"),
        ("step_count", "i8"),
        ("step_squares", "f8"),
        ("segment_count", "i8"),
        ("segment_sum_ms", "f8"),
        ("segment_squares", "f8"),
    ]
)
Tallies = NDArray[np.void]
# NaN where no beat tells.
_UNKNOWN = ["lowest_bpm", "highest_bpm", "longest_rr_ms", "longest_rr_at_s"]
_UNKNOWN += ["v_run_bpm", "s_run_bpm"]
# What a longer span takes over from its parts; everything else adds up.
_LOWEST = ("lowest_bpm",)
_HIGHEST = ("highest_bpm", "v_run_beats", "v_run_bpm", "s_run_beats", "s_run_bpm")


def tally(course: Course, edges_s: Array) -> Tallies:
    """Count a course in the k spans between k + 1 rising edges; TALLY[k].

    What belongs to a beat counts where its R peak lies, a run where it begins.
    NaN stands for a rate or interval that no beat of the span tells.
    """
    out = blank(len(edges_s) - 1)
    if not len(out):
        return out
    _tally_seconds(out, course, edges_s)
    _tally_beats(out, course, edges_s)
    _tally_runs(out, course, edges_s)
    _tally_variability(out, course, edges_s)
    return out


def blank(count: int) -> Tallies:
    """Return TALLY[count] of nothing."""
    out = np.zeros(count, dtype=TALLY)
    for name in _UNKNOWN:
        out[name] = np.nan
    return out


def total(tallies: Tallies) -> Tallies:
    """Return the one span that these make up; TALLY[1]."""
    out = blank(1)
    for name in TALLY.names or ():
        values = tallies[name]
        if name in _LOWEST:
            out[name] = np.fmin.reduce(values, initial=np.nan)
        elif name.startswith("longest_rr"):
            continue
        elif name in _HIGHEST:
            out[name] = np.fmax.reduce(values, initial=0 if _is_int(name) else np.nan)
        else:
            out[name] = values.sum(axis=0)
    known = np.isfinite(tallies["longest_rr_ms"])
    if known.any():
        at = int(np.nanargmax(tallies["longest_rr_ms"]))
        for name in ("longest_rr_ms", "longest_rr_at_s"):
            out[name] = tallies[name][at]
    return out


def _is_int(name: str) -> bool:
    return TALLY[name].kind == "i"


def _place(at_s: Array, edges_s: Array) -> NDArray[np.int64]:
    """Return the span that each time lies in, -1 outside all of them."""
    place = np.searchsorted(edges_s, at_s, side="right") - 1
    place[(place >= len(edges_s) - 1) | np.isnan(at_s)] = -1
    return place.astype(np.int64)


def _add(place: NDArray[np.int64], count: int, values: Array | None = None) -> Array:
    """Return the count, or the sum of the known values, in each span."""
    keep = place >= 0
    if values is None:
        return np.bincount(place[keep], minlength=count).astype(np.float64)
    keep &= np.isfinite(values)
    sums = np.bincount(place[keep], weights=values[keep], minlength=count)
    return sums.astype(np.float64)


def _tally_seconds(out: Tallies, course: Course, edges_s: Array) -> None:
    place = _place(course.second_s, edges_s)
    out["seconds"] = _add(place, len(out))
    out["usable_s"] = _add(place, len(out), course.usable.astype(np.float64))
    out["af_s"] = _add(place, len(out), course.in_af.astype(np.float64))


def _tally_beats(out: Tallies, course: Course, edges_s: Array) -> None:
    place = _place(course.at_s, edges_s)
    inside = place >= 0
    names = len(CLASSES)
    cells = place[inside] * names + course.classes[inside]
    out["beats"] = np.bincount(cells, minlength=len(out) * names).reshape(-1, names)
    out["rr_count"] = _add(place[np.isfinite(course.rr_ms)], len(out))
    out["rr_sum_ms"] = _add(place, len(out), course.rr_ms)
    known = inside & np.isfinite(course.rate_bpm)
    np.fmin.at(out["lowest_bpm"], place[known], course.rate_bpm[known])
    np.fmax.at(out["highest_bpm"], place[known], course.rate_bpm[known])
    known = inside & np.isfinite(course.rr_ms)
    np.fmax.at(out["longest_rr_ms"], place[known], course.rr_ms[known])
    longest = known & (course.rr_ms == out["longest_rr_ms"][place])
    # The first of equal ones: it is written last.
    order = np.flatnonzero(longest)[::-1]
    out["longest_rr_at_s"][place[order]] = course.at_s[order]


def _tally_runs(out: Tallies, course: Course, edges_s: Array) -> None:
    place = _place(course.row_at_s, edges_s)
    for letter in "VS":
        rows = (course.row_class == CLASSES.index(letter)) & (place >= 0)
        small = letter.lower()
        pairs, runs = course.row_beats == 2, rows & (course.row_beats >= MIN_RUN)
        out[f"{small}_couplets"] = _add(place[rows & pairs], len(out))
        out[f"{small}_runs"] = _add(place[runs], len(out))
        at = place[runs]
        np.maximum.at(out[f"{small}_run_beats"], at, course.row_beats[runs])
        np.fmax.at(out[f"{small}_run_bpm"], at, course.row_bpm[runs])


def _tally_variability(out: Tallies, course: Course, edges_s: Array) -> None:
    place = _place(course.at_s, edges_s)
    out["nn_count"] = _add(place[np.isfinite(course.nn_ms)], len(out))
    out["nn_sum_ms"] = _add(place, len(out), course.nn_ms)
    out["nn_squares"] = _add(place, len(out), course.nn_ms**2)
    out["step_count"] = _add(place[np.isfinite(course.step_ms)], len(out))
    out["step_squares"] = _add(place, len(out), course.step_ms**2)
    known = np.isfinite(course.nn_ms) & (place >= 0)
    if not known.any():
        return
    segment = (course.at_s[known] // SEGMENT_S).astype(np.int64)
    segment -= segment.min()
    size = int(segment.max()) + 1
    counts = np.bincount(segment, minlength=size)
    sums = np.bincount(segment, weights=course.nn_ms[known], minlength=size)
    # A segment belongs to the span of its first interval.
    span = np.full(size, -1, dtype=np.int64)
    span[segment[::-1]] = place[known][::-1]
    full = counts >= SEGMENT_INTERVALS
    means, span = sums[full] / counts[full], span[full]
    out["segment_count"] = _add(span, len(out))
    out["segment_sum_ms"] = _add(span, len(out), means)
    out["segment_squares"] = _add(span, len(out), means**2)
