"""Feed a signal to the analysis in pieces, as live data comes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from inference.ecg import (
    Analysis,
    Episode,
    RecordState,
    advance,
    finish,
    initial_state,
)
from inference.nets import nets

Pieces = Callable[[], Iterator[int]]


@dataclass
class Fed:
    """All that came of a record, however it was cut."""

    state: bytes
    samples: np.ndarray
    classes: np.ndarray
    probabilities: np.ndarray
    rr_ms: np.ndarray
    words: tuple[str, ...]
    quality: np.ndarray
    episodes: dict[tuple[str, int], Episode]
    calls: list[Analysis]

    @property
    def labels(self) -> list[str]:
        return [episode.label for episode in self.episodes.values()]


def feed(mv: np.ndarray, fs: int, pieces: Iterator[int] | None = None) -> Fed:
    """Analyse ``mv``, by default at once, else in pieces of so many seconds.

    Between pieces the state goes through its bytes, as in a checkpoint.
    """
    mv = np.asarray(mv, dtype=np.float32)
    whole = len(mv) // fs * fs
    pieces = iter([whole // fs]) if pieces is None else pieces
    state, at, calls = initial_state(fs=fs), 0, []
    while at < whole:
        piece = mv[at : min(at + next(pieces) * fs, whole)]
        ((state, analysis),) = advance([state], [piece], nets=nets())
        state = RecordState.from_bytes(state.to_bytes())
        calls.append(analysis)
        at += len(piece)
    calls += finish([state], [mv[at:]], nets=nets())
    episodes = {(e.label, e.onset_sample): e for a in calls for e in a.episodes}

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(call.beats, name) for call in calls])

    return Fed(
        state=state.to_bytes(),
        samples=joined("samples"),
        classes=joined("classes"),
        probabilities=joined("probabilities"),
        rr_ms=joined("rr_ms"),
        words=tuple(word for call in calls for word in call.quality_words),
        quality=np.concatenate([call.quality for call in calls]),
        episodes={k: e for k, e in sorted(episodes.items()) if not e.withdrawn},
        calls=calls,
    )


def seconds(count: int) -> Iterator[int]:
    """Return pieces of ``count`` seconds for ever."""
    return repeat(count)


def any_seconds(seed: int, longest: int) -> Iterator[int]:
    """Return pieces of random length."""
    rng = np.random.default_rng(seed)
    while True:
        yield int(rng.integers(1, longest + 1))


def missed_and_false(
    reference: np.ndarray, found: np.ndarray, fs: int
) -> tuple[int, int]:
    """Return how many R peaks have no partner within 150 ms, on either side."""
    if not len(reference) or not len(found):
        return len(reference), len(found)
    distance = np.abs(reference[:, None] - found[None, :]) / fs
    return int((distance.min(1) > 0.15).sum()), int((distance.min(0) > 0.15).sum())
