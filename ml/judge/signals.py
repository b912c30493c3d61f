"""The signal of a mitdb record at any rate, and its beats as examples."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray
from scipy.signal import resample_poly

NATIVE_FS = 360
Signal = NDArray[np.float32]


@lru_cache(maxsize=4)
def read_native(path: Path, lead: int = 0) -> NDArray[np.float64]:
    """Return one lead of a record in mV (or what its header calls so) at 360 Hz."""
    record = wfdb.rdrecord(str(path), channels=[lead])
    return np.asarray(np.nan_to_num(record.p_signal[:, 0]))


def to_rate(signal: NDArray[np.float64], fs: int) -> Signal:
    """Resample a signal of 360 Hz to ``fs`` Hz without shift."""
    if fs == NATIVE_FS:
        return signal.astype(np.float32)
    common = gcd(fs, NATIVE_FS)
    moved = resample_poly(signal, fs // common, NATIVE_FS // common)
    return np.asarray(moved, dtype=np.float32)
