"""What others need for R peaks alone, on the same signal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.clock import Spent, Stopwatch
from bench.day import DAY_S, FS

# xqrs is slow and takes as long for every hour: its part of the day is scaled up.
XQRS_S = 1800
# Of all threads: a detector may have others work for it.
CPU_CLOCK = time.process_time
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


class Rivals:
    """Those that are installed, each run on a minute before it is timed."""

    def __init__(self, mv: NDArray[np.float32]) -> None:
        self._signal = mv.astype(np.float64)
        self._spent: dict[str, list[Spent]] = {}
        self._r_peaks: dict[str, int] = {}
        for name, (_, detect, _) in RIVALS.items():
            try:
                detect(self._signal[: 60 * FS])
            except ImportError:
                continue
            self._spent[name] = []

    def run(self) -> None:
        """Time each once, by the clocks that ours is timed by."""
        for name, spent in self._spent.items():
            _, detect, seconds = RIVALS[name]
            watch = Stopwatch(CPU_CLOCK)
            part = self._signal[: seconds * FS]
            self._r_peaks[name] = watch.call(name, detect, part)
            spent.append(watch.steps[name])

    def as_json(self) -> dict[str, Any]:
        """Return the time for 24 h of each, of the run that counts."""
        rows: dict[str, Any] = {}
        for name, (package, _, seconds) in RIVALS.items():
            if name not in self._spent:
                rows[name] = {"missing": f"install {package}"}
                continue
            samples = min(seconds * FS, len(self._signal))
            counts = quickest(self._spent[name])
            rows[name] = {
                "version": version(package),
                "r_peaks": self._r_peaks[name],
                "measured_s": samples // FS,
                "per_24_h": counts.as_json(DAY_S * FS / samples),
            }
        return rows


def quickest(runs: Sequence[Spent]) -> Spent:
    """Return the run that counts, of ours as of others."""
    return min(runs, key=lambda one: one.wall_s)
