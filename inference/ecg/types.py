"""What the signal analysis takes and gives."""

from __future__ import annotations

from collections.abc import Callable
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
# Of these mains hum, electrode motion and muscle are noise.
QUALITY_WORDS = ("good", "flat", "clipped", "mains", "motion", "muscle", "missing")

Signal = NDArray[np.float32]
Samples = NDArray[np.int64]
Mask = NDArray[np.bool_]
Array = NDArray[np.float64]
Real = NDArray[np.float32] | NDArray[np.float64]

# windows float32[n, W, C] and features float32[n, F] -> float32[n, 5]
Classify = Callable[[Signal, Signal], Signal]
# windows float32[n, W] -> the probability of an R peak at each of its last steps
Detect = Callable[[Signal], Signal]


@dataclass(frozen=True)
class Nets:
    """What the analysis asks: of which class a beat is, and where an R peak is.

    Without ``detect`` the classical voter alone finds R peaks.
    """

    classify: Classify
    detect: Detect | None = None


@dataclass(frozen=True)
class Limits:
    """The limits of one patient; the defaults of the alarm table.

    Rates are per minute, times in s.
    """

    hr_low_bpm: float = 50.0
    hr_high_bpm: float = 120.0
    pause_s: float = 3.0
    asystole_s: float = 4.0
    vt_beats: int = 5
    vt_bpm: float = 100.0
    hr_persist_s: float = 10.0


@dataclass(frozen=True)
class Beats:
    """Beats in order of their R peaks; the arrays [n] have equal length n.

    ``samples`` are indices at the record's ``fs``; ``classes`` index CLASSES;
    ``probabilities`` is [n, 5]; ``rr_ms`` reaches back to the previous beat and
    is NaN where that is unknown (first beat, gap or unreadable signal between).
    """

    samples: Samples
    classes: NDArray[np.uint8]
    probabilities: Signal
    rr_ms: Signal


@dataclass(frozen=True)
class Episode:
    """A rhythm episode; (label, onset_sample) is its identity.

    ``end_sample`` is None while it is open. An end equal to the onset withdraws
    it: a run of V beats that grew to VT, a pause that became asystole.
    ``peak`` is the highest or lowest rate, the seconds of a pause, or the number
    of V beats of a run. ``detail`` says it in words.
    """

    label: str
    onset_sample: int
    end_sample: int | None
    peak: float
    detail: str
    beats: int

    @property
    def withdrawn(self) -> bool:
        """Tell whether another episode took this one's place."""
        return self.end_sample == self.onset_sample


@dataclass(frozen=True)
class Analysis:
    """What one call found out about the span ``[start_sample, end_sample)``.

    ``beats`` are those whose class became final in this call (some lie before
    the span); ``episodes`` those opened, changed or closed in it; ``quality``
    (0..100) and ``quality_words`` have one entry per second of the span, [s].
    """

    start_sample: int
    end_sample: int
    beats: Beats
    episodes: tuple[Episode, ...]
    quality: NDArray[np.uint8]
    quality_words: tuple[str, ...]
    heart_rate_bpm: float
