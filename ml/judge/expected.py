"""The episodes that the reference shows, read from its rhythms and its beats."""

from __future__ import annotations

import numpy as np

from inference.ecg import Limits
from ml.judge.beats import WINDOW_S
from ml.judge.reading import Reading, Span
from ml.judge.runs import VENTRICULAR, find_runs

LIMITS = Limits()
RUN_BEATS = 3
# Rhythms whose label in mitdb is the same thing as the analysis' episode.
SAME = ("AF", "VF", "SVT", "BIGEMINY", "TRIGEMINY", "PACED")


def long_intervals(reference: Reading, shortest_s: float) -> tuple[Span, ...]:
    """Return the intervals without a beat, from R peak to R peak, flutter left out."""
    at = reference.times_s
    long = np.flatnonzero(np.diff(at) >= shortest_s)
    spans = (Span(float(at[k]), float(at[k + 1])) for k in long)
    flutter = reference.label("VF")
    return tuple(
        span
        for span in spans
        if not any(s < span.end and e > span.start for s, e in flutter)
    )


def runs_of(reference: Reading, fewest: int) -> tuple[Span, ...]:
    """Return the rows of V and F beats from their first to their last beat."""
    return tuple(
        Span(run.start, run.end)
        for run in find_runs(reference, VENTRICULAR, reference.label("VF"))
        if run.beats >= fewest
    )


def fast_runs(reference: Reading) -> tuple[tuple[float, Span], ...]:
    """Return the runs that are VT by the product's limits, and when each became so.

    That is at the last of ``vt_beats`` V or F beats in a row at ``vt_bpm`` or faster.
    """
    count = LIMITS.vt_beats
    longest_s = 60.0 * (count - 1) / LIMITS.vt_bpm
    found = []
    for run in find_runs(reference, VENTRICULAR):
        if run.beats < count:
            continue
        at = reference.times_s
        at = at[(at >= run.start) & (at <= run.end)]
        fast = np.flatnonzero(at[count - 1 :] - at[: len(at) - count + 1] <= longest_s)
        if len(fast):
            found.append((float(at[fast[0] + count - 1]), Span(run.start, run.end)))
    return tuple(found)


def expected_episodes(reference: Reading) -> dict[str, tuple[Span, ...]]:
    """Return the reference's episodes by the analysis' labels."""
    fast = tuple(span for _, span in fast_runs(reference))
    return {
        **{label: reference.label(label) for label in SAME},
        "VT": fast,
        "VT/VF": fast + reference.label("VF"),
        "VRUN": runs_of(reference, RUN_BEATS),
        "PAUSE": long_intervals(reference, LIMITS.pause_s),
        "ASYSTOLE": long_intervals(reference, LIMITS.asystole_s),
    }


def found_episodes(found: Reading) -> dict[str, tuple[Span, ...]]:
    """Return the analysis' episodes: a VT is also a run, an asystole also a pause."""
    spans = {label: found.label(label) for label in (*SAME, "VT", "ASYSTOLE")}
    spans["VT/VF"] = found.label("VT") + found.label("VF")
    spans["VRUN"] = found.label("VRUN") + found.label("VT") + found.label("VF")
    spans["PAUSE"] = found.label("PAUSE") + found.label("ASYSTOLE")
    return spans


def never_false(reference: Reading) -> dict[str, tuple[Span, ...]]:
    """Return where an episode that is found is no false alarm, by alarm."""
    slack_s = 2 * WINDOW_S  # an R peak may be found this much apart
    return {
        "AF": reference.label("AF") + reference.label("AFL"),
        "VT/VF": reference.label("VT")
        + reference.label("VF")
        + runs_of(reference, RUN_BEATS),
        "ASYSTOLE": long_intervals(reference, LIMITS.asystole_s - slack_s),
    }
