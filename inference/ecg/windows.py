"""Measures of a beat's window: width, size, likeness to another."""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import compiled
from inference.ecg.grid import BEFORE, GRID_FS
from inference.ecg.types import Real

P_START, P_END = BEFORE - 28, BEFORE - 8
QRS_START, QRS_END = BEFORE - 14, BEFORE + 15
T_START = BEFORE + 15
SLOPE_START, SLOPE_END = BEFORE - 20, BEFORE + 21
SMALLEST_MV = 0.02  # a QRS below this is no beat's


@compiled
def qrs_width_s(window: Real) -> float:
    """Return the QRS width in s of a window [96], 0 of a flat one.

    The span that holds 10 to 90 % of |slope|^1.5 within 160 ms of the R peak. Our own.
    """
    area = np.empty(SLOPE_END - SLOPE_START)
    total = 0.0
    for k in range(len(area)):
        at = SLOPE_START + k
        slope = abs(np.float64(window[at + 1]) - np.float64(window[at]))
        total += slope * np.sqrt(slope)
        area[k] = total
    if total <= 0.0:
        return 0.0
    return (_crossing(area, 0.9 * total) - _crossing(area, 0.1 * total)) / GRID_FS


@compiled
def _crossing(area: Real, level: float) -> float:
    """Return where a rising line reaches a level, in steps with a fraction."""
    at = 0
    while at < len(area) - 1 and area[at] < level:
        at += 1
    low = area[at - 1] if at else 0.0
    return float(at - 1 + (level - low) / (area[at] - low))


@compiled
def correlation(a: Real, b: Real) -> float:
    """Return Pearson's correlation of two rows [w], 0 where one is flat."""
    mean_a, mean_b = 0.0, 0.0
    for k in range(len(a)):
        mean_a += a[k]
        mean_b += b[k]
    mean_a, mean_b = mean_a / len(a), mean_b / len(a)
    power_a, power_b, product = 0.0, 0.0, 0.0
    for k in range(len(a)):
        from_a, from_b = a[k] - mean_a, b[k] - mean_b
        power_a += from_a * from_a
        power_b += from_b * from_b
        product += from_a * from_b
    norm = max(np.sqrt(power_a), 1e-9) * max(np.sqrt(power_b), 1e-9)
    return float(product / norm)


@compiled
def amplitude_mv(window: Real) -> float:
    """Return the QRS peak-to-peak of a window [96] in mV, at least 0.02."""
    low = high = window[QRS_START]
    for k in range(QRS_START + 1, QRS_END):
        low, high = min(low, window[k]), max(high, window[k])
    return max(np.float64(high) - np.float64(low), SMALLEST_MV)


@compiled
def rms(a: Real, b: Real) -> float:
    """Return the root mean square difference of two rows [w], in their unit."""
    total = 0.0
    for k in range(len(a)):
        difference = np.float64(a[k]) - np.float64(b[k])
        total += difference * difference
    return float(np.sqrt(total / len(a)))
