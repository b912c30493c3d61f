"""Made-up beats and seconds for the state machines of rhythm episodes."""

from dataclasses import dataclass, field

import numpy as np

from inference.ecg import CLASSES, Episode, Limits
from inference.ecg.beats import FEATURES
from inference.ecg.bounds import bounds_of
from inference.ecg.episode_log import episodes_from
from inference.ecg.episodes import (
    EPISODES,
    FinalBeats,
    Piece,
    end_episodes,
    follow_episodes,
    start_episodes,
)
from inference.ecg.grid import GRID_FS

FS = 250
WAIT_S = 2  # a class is final so long after its beat


@dataclass
class Strip:
    """Beats one after the other on good signal, unless said otherwise."""

    samples: list[int] = field(default_factory=lambda: [FS])
    classes: list[int] = field(default_factory=lambda: [0])
    af: list[float] = field(default_factory=lambda: [0.0])
    features: dict[int, dict[str, float]] = field(default_factory=dict)
    words: dict[int, int] = field(default_factory=dict)
    band: np.ndarray | None = None
    mv: np.ndarray | None = None

    def add(
        self, symbols: str, rr_s: float = 0.8, *, af: float = 0.0, **features: float
    ) -> "Strip":
        """Append beats by the letters of their classes, ``rr_s`` apart."""
        for symbol in symbols:
            if symbol == "V":
                look = {"width_difference": 0.5, "like_previous": 0.9}
                look["log_pre_local"] = -0.3
                self.features[len(self.samples)] = look | features
            elif features:
                self.features[len(self.samples)] = dict(features)
            self.samples.append(self.samples[-1] + round(rr_s * FS))
            self.classes.append(CLASSES.index(symbol))
            self.af.append(af)
        return self

    @property
    def seconds(self) -> int:
        """Return the whole seconds of the strip."""
        return self.samples[-1] // FS + 2

    def follow(self, cuts: list[int] | None = None) -> dict[str, list[Episode]]:
        """Return the episodes by label; ``cuts`` are seconds at which pieces end."""
        state = np.zeros(1, EPISODES)
        start_episodes(state[0])
        told, at, done, peaks = {}, 0, 0, 0
        for end in [*(cuts or []), self.seconds]:
            frontier = (end - 1) * FS if end < self.seconds else end * FS
            final = max(end - WAIT_S, 0) * FS if end < self.seconds else end * FS
            piece = self._piece(at, end, frontier, final, peaks)
            beats = self._beats(done, final)
            peaks += len(piece.r_peaks)
            done += len(beats.samples)
            events = [follow_episodes(state[0], piece, beats, bounds_of(Limits()), FS)]
            if end == self.seconds:
                events.append(end_episodes(state[0], end * FS, FS))
            told |= {(e.label, e.onset_sample): e for e in episodes_from(events, FS)}
            at = end
        found: dict[str, list[Episode]] = {}
        for _, episode in sorted(told.items()):
            if not episode.withdrawn:
                found.setdefault(episode.label, []).append(episode)
        return found

    def _piece(
        self, start: int, end: int, frontier: int, final: int, peaks: int
    ) -> Piece:
        r_peaks = [sample for sample in self.samples[peaks:] if sample < frontier]
        words = [self.words.get(second, 0) for second in range(start, end)]
        # The grid lags by 8 steps behind the signal.
        low, high = (max(second * GRID_FS - 8, 0) for second in (start, end))
        band = np.zeros(high) if self.band is None else self.band
        mv = np.zeros(end * FS) if self.mv is None else self.mv
        return Piece(
            np.array(r_peaks, np.int64),
            frontier,
            final,
            np.array(words, np.uint8),
            np.ascontiguousarray(mv[start * FS : end * FS], np.float32),
            np.ascontiguousarray(band[low:high], np.float32),
        )

    def _beats(self, done: int, final: int) -> FinalBeats:
        keep = [k for k, s in enumerate(self.samples) if k >= done and s < final]
        features = np.zeros((len(keep), len(FEATURES)))
        for row, k in enumerate(keep):
            for name, value in self.features.get(k, {}).items():
                features[row, FEATURES.index(name)] = value
        rr_ms = np.diff(self.samples, prepend=np.nan) * 1000.0 / FS
        classes = np.array([self.classes[k] for k in keep], np.uint8)
        return FinalBeats(
            np.array([self.samples[k] for k in keep], np.int64),
            classes,
            np.where(classes == CLASSES.index("V"), 0.9, 0.0).astype(np.float32),
            rr_ms[keep].astype(np.float32),
            np.array([self.af[k] for k in keep]),
            features,
        )
