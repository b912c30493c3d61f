"""The same record as other devices would give it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.judge.beats import Matrix
from ml.judge.signals import Signal, to_rate
from ml.score import figures

USUAL = "250 Hz"
Make = Callable[[NDArray[np.float64]], tuple[Signal, int]]


def _at(fs: int, gain: float = 1.0, offset_mv: float = 0.0) -> Make:
    def make(signal: NDArray[np.float64]) -> tuple[Signal, int]:
        return to_rate(signal * gain + offset_mv, fs), fs

    return make


VARIANTS: dict[str, Make] = {
    "125 Hz": _at(125),
    "180 Hz": _at(180),
    USUAL: _at(250),
    "360 Hz": _at(360),
    "500 Hz": _at(500),
    "gain x0.2": _at(250, gain=0.2),
    "gain x5": _at(250, gain=5.0),
    "inverted": _at(250, gain=-1.0),
    "offset 1 mV": _at(250, offset_mv=1.0),
}


def invariance_table(matrices: dict[str, Matrix]) -> dict[str, Any]:
    """Return each variant's figures and their differences to 250 Hz."""
    rows: dict[str, Any] = {}
    for name, matrix in matrices.items():
        found = figures(matrix)
        rows[name] = {
            "r_peaks_se": found["qrs"]["se"],
            "r_peaks_ppv": found["qrs"]["ppv"],
            "v_f1": found["V"]["f1"],
            "s_f1": found["S"]["f1"],
        }
    usual = rows[USUAL]
    for row in rows.values():
        row["difference"] = {
            key: None if None in (row[key], usual[key]) else round(row[key] - mean, 4)
            for key, mean in usual.items()
            if key != "difference"
        }
    return rows
