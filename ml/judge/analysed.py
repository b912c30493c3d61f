"""The released analysis as an annotator: the one place that runs the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.classifier import ARTIFACTS
from inference.ecg import BLOCK_S, Analysis, Episode, advance, finish, initial_state
from inference.ecg.types import Nets
from inference.nets import load_nets
from ml.judge.reading import Reading, Span

SPAN_S = 600  # long signals are taken in pieces


@cache
def released(folder: Path = ARTIFACTS) -> Nets:
    """Return the nets of a folder, loaded once per process."""
    return load_nets(folder)


def analyse(mv: NDArray[np.float32], fs: int, folder: Path = ARTIFACTS) -> Reading:
    """Return what the analysis says of a signal in mV, from its first sample."""
    nets = released(folder)
    state, whole = initial_state(fs=fs), len(mv) - len(mv) % (fs * BLOCK_S)
    parts: list[Analysis] = []
    for start in range(0, whole, SPAN_S * fs):
        signal = mv[start : min(start + SPAN_S * fs, whole)]
        [(state, part)] = advance([state], [signal], nets=nets)
        parts.append(part)
    parts += finish([state], [mv[whole:]], nets=nets)
    beats = [part.beats for part in parts]
    return Reading(
        duration_s=len(mv) / fs,
        times_s=np.concatenate([b.samples for b in beats]) / fs,
        classes=np.concatenate([b.classes for b in beats]),
        spans=spans_of([e for part in parts for e in part.episodes], fs, len(mv)),
        probabilities=np.concatenate([b.probabilities for b in beats]),
    )


def spans_of(
    episodes: Sequence[Episode], fs: int, n: int
) -> dict[str, tuple[Span, ...]]:
    """Return the episodes by label; the latest word on an episode holds."""
    latest = {(e.label, e.onset_sample): e for e in episodes}
    spans: dict[str, tuple[Span, ...]] = {}
    for (label, onset), episode in sorted(latest.items()):
        if not episode.withdrawn:
            end = n if episode.end_sample is None else episode.end_sample
            spans[label] = (*spans.get(label, ()), Span(onset / fs, end / fs))
    return spans


def first_words(
    mv: NDArray[np.float32],
    fs: int,
    watched: Sequence[Span],
    labels: Sequence[str],
    folder: Path = ARTIFACTS,
) -> list[tuple[float, str, Span]]:
    """Return when, with which label and span, an episode was reported.

    What lies before a watched span (they are in order and disjoint) is taken at
    once, the span second by second, as it would come live: an episode is reported
    at the end of the second that opened or changed it.
    """
    nets = released(folder)
    state, said = initial_state(fs=fs), []
    for start, end in watched:
        first, last = int(start), min(int(end) + 1, len(mv) // fs)
        before = mv[state.sample : first * fs]
        [(state, _)] = advance([state], [before], nets=nets)
        for second in range(first, last):
            signal = mv[second * fs : (second + 1) * fs]
            [(state, part)] = advance([state], [signal], nets=nets)
            for label, spans in spans_of(part.episodes, fs, state.sample).items():
                if label in labels:
                    said += [(second + 1.0, label, span) for span in spans]
    return said
