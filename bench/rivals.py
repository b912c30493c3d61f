"""What others need for R peaks alone, on the same signal."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.clock import Stopwatch
from bench.day import DAY_S, FS

# xqrs is slow and takes as long for every hour: its part of the day is scaled up.
XQRS_S = 1800
Signal = NDArray[np.float64]


def _neurokit2(mv: Signal) -> int:
    import neurokit2

    clean = neurokit2.ecg_clean(mv, sampling_rate=FS)
    _, found = neurokit2.ecg_peaks(clean, sampling_rate=FS)
    return len(found["ECG_R_Peaks"])


def _xqrs(mv: Signal) -> int:
    from wfdb.processing import xqrs_detect

    return len(xqrs_detect(mv, FS, verbose=False))


def _sleepecg(mv: Signal) -> int:
    import sleepecg

    return len(sleepecg.detect_heartbeats(mv, FS))


RIVALS: dict[str, tuple[str, Callable[[Signal], int], int]] = {
    "sleepecg": ("sleepecg", _sleepecg, DAY_S),
    "neurokit2": ("neurokit2", _neurokit2, DAY_S),
    "xqrs": ("wfdb", _xqrs, XQRS_S),
}


def time_rivals(mv: NDArray[np.float32]) -> dict[str, Any]:
    """Return the time for 24 h of each, after a first run on a minute."""
    signal = mv.astype(np.float64)
    rows: dict[str, Any] = {}
    for name, (package, detect, seconds) in RIVALS.items():
        try:
            detect(signal[: 60 * FS])
        except ImportError:
            rows[name] = {"missing": f"install {package}"}
            continue
        watch = Stopwatch()
        part = signal[: seconds * FS]
        count = watch.call(name, detect, part)
        rows[name] = {
            "version": version(package),
            "r_peaks": count,
            "measured_s": len(part) // FS,
            "per_24_h": watch.steps[name].as_json(DAY_S * FS / len(part)),
        }
    return rows
