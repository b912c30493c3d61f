"""How much signal passes from the onset of VT or VF to its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.judge.analysed import first_words
from ml.judge.episodes import merge, overlap_s
from ml.judge.expected import fast_runs
from ml.judge.reading import Reading, Span

LABELS = ("VT", "VF")
LEAD_S, WAIT_S = 2.0, 20.0


class Onset(NamedTuple):
    """VT when the beat came that completes it, or flutter and fibrillation at once."""

    at: float
    label: str
    span: Span


def onsets(reference: Reading) -> list[Onset]:
    """Return when each VT or VF of the reference met its criteria."""
    fast = [Onset(at, "VT", span) for at, span in fast_runs(reference)]
    return sorted(fast + [Onset(s.start, "VF", s) for s in reference.label("VF")])


def alarm_delays(
    mv: NDArray[np.float32], fs: int, reference: Reading, artifacts: Path
) -> list[tuple[str, float | None]]:
    """Return label and delay in s of each onset, None if no report came in 20 s.

    VT reported for VF counts, and the other way round. The delay is 0 where it was
    reported before the criteria were met.
    """
    known = onsets(reference)
    if not known:
        return []
    watched = merge([Span(max(o.span.start - LEAD_S, 0), o.at + WAIT_S) for o in known])
    said = first_words(mv, fs, watched, LABELS, artifacts)
    delays: list[tuple[str, float | None]] = []
    for at, label, (start, end) in known:
        near = [Span(start - LEAD_S, max(end, at + WAIT_S))]
        times = [
            time
            for time, _, span in said
            if time <= at + WAIT_S and overlap_s(span, near) > 0
        ]
        delays.append((label, max(min(times) - at, 0.0) if times else None))
    return delays


def delay_figures(delays: Sequence[tuple[str, float | None]]) -> dict[str, Any]:
    """Return how many onsets were reported, and after how much signal."""
    result: dict[str, Any] = {}
    for label in LABELS:
        every = [delay for kind, delay in delays if kind == label]
        known = [delay for delay in every if delay is not None]
        result[label] = {
            "onsets": len(every),
            "reported": len(known),
            "within_5_s": sum(delay <= 5.0 for delay in known),
            "median_s": round(float(np.median(known)), 2) if known else None,
            "longest_s": round(max(known), 2) if known else None,
        }
    return result
