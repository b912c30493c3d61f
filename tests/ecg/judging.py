"""Judge the quality of a signal by itself, without the rest of the analysis."""

import numpy as np

from inference.ecg import QUALITY_WORDS
from inference.ecg.gaps import GAPS, fill_gaps, start_gaps
from inference.ecg.quality import QUALITY, judge_seconds, start_quality


def words_of(mv: np.ndarray, fs: int) -> list[str]:
    """Return one word per second of ``mv`` [n]."""
    gaps, quality = np.zeros(1, GAPS)[0], np.zeros(1, QUALITY)[0]
    start_gaps(gaps)
    start_quality(quality)
    signal, _, missing = fill_gaps(gaps, np.asarray(mv, np.float32), fs)
    _, words, _ = judge_seconds(quality, signal, missing, fs)
    return [QUALITY_WORDS[word] for word in words]


def share(words: list[str], *wanted: str) -> float:
    """Return how many of the seconds are called one of ``wanted``."""
    return sum(word in wanted for word in words) / len(words)
