"""Analyse a file from its first to its last sample, in spans of bounded memory."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.ecg.pipeline import BLOCK_S, advance, finish, initial_state
from inference.ecg.types import Analysis, Beats, Episode, Nets
from inference.files.record import FileRecord

SPAN_S = 600


@dataclass(frozen=True)
class Findings:
    """Everything found in one lead of a recording; quality is per second."""

    beats: Beats
    episodes: tuple[Episode, ...]
    quality: NDArray[np.uint8]
    quality_words: tuple[str, ...]


def analyse_record(
    record: FileRecord,
    *,
    lead: int = 0,
    nets: Nets,
    progress: Callable[[int], object] = lambda samples: None,
) -> Findings:
    """Find the beats and episodes of one lead with the pipeline of the live worker.

    ``progress`` is called with the number of samples done since the last call.
    """
    fs, n = record.fs, len(record.samples)
    whole = n - n % (fs * BLOCK_S)
    state = initial_state(fs=fs)
    parts: list[Analysis] = []
    for start in range(0, whole, fs * SPAN_S):
        end = min(start + fs * SPAN_S, whole)
        signal = record.signal_mv(lead, start, end)
        [(state, part)] = advance([state], [signal], nets=nets)
        parts.append(part)
        progress(end - start)
    tail = record.signal_mv(lead, whole, n)
    parts += finish([state], [tail], nets=nets)
    progress(n - whole)
    return _joined(parts)


def _joined(parts: list[Analysis]) -> Findings:
    # The latest word on an episode holds.
    episodes = {
        (episode.label, episode.onset_sample): episode
        for part in parts
        for episode in part.episodes
    }
    beats = [part.beats for part in parts]
    return Findings(
        beats=Beats(
            samples=np.concatenate([b.samples for b in beats]),
            classes=np.concatenate([b.classes for b in beats]),
            probabilities=np.concatenate([b.probabilities for b in beats]),
            rr_ms=np.concatenate([b.rr_ms for b in beats]),
        ),
        episodes=tuple(
            episode
            for _, episode in sorted(episodes.items(), key=lambda item: item[0][1])
            if not episode.withdrawn
        ),
        quality=np.concatenate([part.quality for part in parts]),
        quality_words=tuple(word for part in parts for word in part.quality_words),
    )
