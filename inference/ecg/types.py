"""What the analysis takes and gives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLASSES = ("N", "S", "V", "F", "Q")
WORDS = {
    "N": "normal",
    "S": "supraventricular",
    "V": "ventricular",
    "F": "fusion",
    "Q": "unclassified",
}


@dataclass(frozen=True)
class Limits:
    """The limits of one patient; the defaults are those of the alarm table."""

    hr_low_bpm: float = 50.0
    hr_high_bpm: float = 120.0
    hr_persist_s: float = 10.0
    pause_s: float = 3.0
    asystole_s: float = 4.0
    vt_beats: int = 5
    vt_bpm: float = 100.0


@dataclass(frozen=True)
class Beats:
    """Beats in the order of their samples; all arrays have the same length n."""

    samples: NDArray[np.int64]
    classes: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    rr_ms: NDArray[np.float32]


@dataclass(frozen=True)
class Episode:
    """A stretch of one rhythm; the same (label, onset_sample) is the same episode."""

    label: str
    onset_sample: int
    end_sample: int | None
    peak: float
    detail: str
    beats: int = 0


@dataclass(frozen=True)
class Analysis:
    """What one call found in the span ``[start_sample, end_sample)`` it consumed."""

    start_sample: int
    end_sample: int
    beats: Beats
    episodes: tuple[Episode, ...]
    quality: NDArray[np.uint8]
    quality_words: tuple[str, ...]
    heart_rate_bpm: float
