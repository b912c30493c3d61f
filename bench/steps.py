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
from bench.signal_steps import time_signal_steps
from inference.ecg import Analysis, Beats, pipeline, turns
from inference.ecg.types import Nets
from inference.nets import annotator, nets
from inference.summary import minutes_of, summarise

# The pipeline's compiled calls. The first holds gaps to envelope, the second voter,
# fusion, alignment, template and features.
CALLS = {
    "signal to grid": ((turns, "_take_in"),),
    "R peaks and features": ((pipeline, "_settle"),),
    "fibrillation": ((pipeline, "_believe"),),
    "episodes": ((pipeline, "_follow_piece"), (pipeline, "_end")),
}


@contextmanager
def watching(watch: Stopwatch) -> Iterator[None]:
    """Time the pipeline's calls while the context lasts."""
    before = {call: getattr(*call) for calls in CALLS.values() for call in calls}
    for step, calls in CALLS.items():
        for call in calls:
            setattr(*call, watch.watched(step, before[call]))
    try:
        yield
    finally:
        for call, work in before.items():
            setattr(*call, work)


def watched_nets(watch: Stopwatch) -> Nets:
    """Return the released nets with their time added up."""
    plain = nets()
    detect = plain.detect
    return Nets(
        classify=watch.watched("beat net", plain.classify),
        detect=None if detect is None else watch.watched("R-peak net", detect),
    )


def time_steps(mv: NDArray[np.float32], scale: float) -> dict[str, Any]:
    """Return the time of every step; the R-peak net answers beside the others."""
    watch, inner = Stopwatch(), Stopwatch()
    with watching(watch):
        analyse_day(mv, watched_nets(watch))
    time_signal_steps(mv[: 60 * FS], Stopwatch())  # compile
    time_signal_steps(mv, inner)
    return {
        "steps": {step: spent.as_json(scale) for step, spent in watch.steps.items()},
        "alone": {step: spent.as_json(scale) for step, spent in inner.steps.items()},
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
    episodes = list(latest.values())
    summarise(
        fs=FS,
        n=n,
        beats=beats,
        episodes=episodes,
        quality=quality,
        annotator=annotator(),
    )
    minutes_of(fs=FS, beats=beats, episodes=episodes, quality=quality)
