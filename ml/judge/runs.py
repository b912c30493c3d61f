"""Run by run, as ``rxr``: rows of ectopic beats of 1, 2, 3, 4, 5 or more than 5.

A fusion beat continues a ventricular run, and ventricular flutter is a longest run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.ecg import CLASSES
from ml.judge.beats import EPSILON, WINDOW_S, within
from ml.judge.ec57 import percent
from ml.judge.reading import Reading, Span

LONGEST = 6
LENGTHS = LONGEST + 1
VENTRICULAR = (CLASSES.index("V"), CLASSES.index("F"))
SUPRAVENTRICULAR = (CLASSES.index("S"),)
Runs = NDArray[np.int64]


class Run(NamedTuple):
    """A row of ectopic beats from its first to its last beat."""

    start: float
    end: float
    beats: int


def find_runs(
    reading: Reading,
    kinds: Sequence[int],
    flutter: Sequence[Span] = (),
    start_s: float = 0.0,
) -> list[Run]:
    """Return the rows of beats of some classes from ``start_s`` on.

    ``flutter`` is a row of 6 beats; beats inside of it are part of it.
    """
    outside = ~within(reading.times_s, flutter) & (reading.times_s >= start_s)
    marks = [
        (time, 1 if kind in kinds else 0, time)
        for time, kind in zip(
            reading.times_s[outside].tolist(),
            reading.classes[outside].tolist(),
            strict=True,
        )
    ]
    marks += [
        (max(start, start_s), LONGEST, end) for start, end in flutter if end > start_s
    ]
    runs: list[Run] = []
    going = False
    for start, beats, end in sorted(marks):
        if not beats:
            going = False
        elif going:
            runs[-1] = Run(runs[-1].start, end, runs[-1].beats + beats)
        else:
            runs.append(Run(start, end, beats))
            going = True
    return runs


def longest_within(
    reading: Reading, kinds: Sequence[int], flutter: Sequence[Span], window: Span
) -> int:
    """Return the length of the longest row in a window, at most 6."""
    if any(start <= window.end and end >= window.start for start, end in flutter):
        return LONGEST
    first = np.searchsorted(reading.times_s, window.start - EPSILON)
    last = np.searchsorted(reading.times_s, window.end + EPSILON, side="right")
    longest = row = 0
    for member in np.isin(reading.classes[first:last], kinds).tolist():
        row = row + 1 if member else 0
        longest = max(longest, row)
    return min(longest, LONGEST)


def match_runs(
    a: Reading, b: Reading, kinds: Sequence[int], *, start_s: float, flutter: bool
) -> Runs:
    """Return how often a run of ``a`` [rows] meets which run of ``b`` [columns]."""
    a_flutter = a.label("VF") if flutter else ()
    b_flutter = b.label("VF") if flutter else ()
    counts = np.zeros((LENGTHS, LENGTHS), dtype=np.int64)
    for run in find_runs(a, kinds, a_flutter, start_s):
        window = Span(run.start - WINDOW_S, run.end + WINDOW_S)
        other = longest_within(b, kinds, b_flutter, window)
        counts[min(run.beats, LONGEST), other] += 1
    return counts


def compare_runs(
    reference: Reading,
    found: Reading,
    kinds: Sequence[int] = VENTRICULAR,
    *,
    start_s: float = 0.0,
) -> tuple[Runs, Runs]:
    """Return two matrices [7, 7] of run lengths (0 to 5, more).

    The first looks from the runs of the reference (rows) at what was found there
    (columns); the second from the runs found (columns) at the reference (rows).
    """
    flutter = tuple(kinds) == VENTRICULAR
    there = match_runs(reference, found, kinds, start_s=start_s, flutter=flutter)
    back = match_runs(found, reference, kinds, start_s=start_s, flutter=flutter)
    return there, back.T


def run_figures(there: Runs, back: Runs) -> dict[str, Any]:
    """Return sensitivity and +P of couplets, short runs (3-5) and long runs (> 5)."""
    figures: dict[str, Any] = {}
    for name, low, high in (("couplets", 2, 3), ("short", 3, 6), ("long", 6, 7)):
        real, hit = there[low:high], there[low:high, low:]
        said = back[:, low:high]
        right = back[low:, low:high]
        figures[name] = {
            "n": int(real.sum()),
            "found": int(said.sum()),
            "se": percent(int(hit.sum()), int(real.sum())),
            "ppv": percent(int(right.sum()), int(said.sum())),
        }
    figures["sensitivity_matrix"] = there.tolist()
    figures["ppv_matrix"] = back.tolist()
    return figures
