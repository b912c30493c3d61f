"""What each step of the analysis of a day costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.clock import Stopwatch
from bench.day import FS
from bench.pipeline import analyse_day
from inference.ecg import Analysis, Beats, front, pipeline
from inference.nets import annotator, nets
from inference.summary import minutes_of, summarise

STEPS = {
    "gaps and quality": [(front, "fill_gaps"), (front, "judge_seconds")],
    "resampling and filters": [
        (front, "resample_block"),
        (front, "band_pass"),
        (front, "envelope"),
    ],
    "voter": [(front, "find_r_peaks")],
    "alignment": [(front, "_locate")],
    "beat features": [(front, "_describe"), (pipeline, "to_input")],
    "beat net": [(nets().classify, "__call__")],
    "episodes": [(pipeline, "follow_episodes"), (pipeline, "end_episodes")],
}
UP_TO_R_PEAKS = (
    "gaps and quality",
    "resampling and filters",
    "R-peak net",
    "voter",
    "alignment",
)


@contextmanager
def watching(watch: Stopwatch) -> Iterator[None]:
    """Time the functions of every step while the context lasts."""
    before = []
    for step, places in STEPS.items():
        for owner, name in places:
            holder = owner if hasattr(owner, "__name__") else type(owner)
            work = getattr(holder, name)
            before.append((holder, name, work))
            setattr(holder, name, watch.watched(step, work))
    try:
        yield
    finally:
        for holder, name, work in before:
            setattr(holder, name, work)


def time_steps(mv: NDArray[np.float32], scale: float) -> dict[str, Any]:
    """Return the time of every step, and that of R peaks alone."""
    watch = Stopwatch()
    with watching(watch):
        analyse_day(mv)
    used = [watch.steps[step] for step in UP_TO_R_PEAKS if step in watch.steps]
    return {
        "r_peaks": {
            "wall_s": round(sum(spent.wall_s for spent in used) * scale, 3),
            "cpu_s": round(sum(spent.cpu_s for spent in used) * scale, 3),
        },
        "steps": {step: spent.as_json(scale) for step, spent in watch.steps.items()},
    }


def time_summary(parts: Sequence[Analysis], n: int) -> None:
    """Summarise the day, its hours and its minutes."""
    beats = Beats(
        *(
            np.concatenate([getattr(part.beats, name) for part in parts])
            for name in ("samples", "classes", "probabilities", "rr_ms")
        )
    )
    latest = {(e.label, e.onset_sample): e for part in parts for e in part.episodes}
    quality = np.concatenate([part.quality for part in parts])
    shown = {
        "fs": FS,
        "beats": beats,
        "episodes": list(latest.values()),
        "quality": quality,
    }
    summarise(n=n, annotator=annotator(), **shown)
    minutes_of(**shown)
