"""What a beat's shape says about it, against its patient's own normal beat."""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import compiled
from inference.ecg.grid import WINDOW
from inference.ecg.types import Array, Real
from inference.ecg.windows import (
    P_END,
    P_START,
    QRS_END,
    QRS_START,
    T_START,
    amplitude_mv,
    correlation,
    qrs_width_s,
    rms,
)

SHAPE_FEATURES = (
    "width",
    "width_difference",
    "template_width",
    "log_amplitude",
    "like_qrs",
    "like_all",
    "like_p",
    "like_previous",
    "residual_p",
    "residual_qrs",
    "residual_t",
)
NOISE_FEATURES = ("roughness", "drift")
SMOOTHEST = 1e-3  # of the template's QRS: less is as smooth as can be
EDGE = 8  # grid steps at either end of a window


@compiled
def describe_shape(
    window: Real, template: Real, previous: Real, like: float, row: Array
) -> None:
    """Write SHAPE_FEATURES [11] of a beat to ``row``.

    ``window``, its ``template`` and the ``previous`` beat's window are [96] in mV;
    ``like`` is the correlation of the first two. ``width`` is 10 times s above
    0.1 s, residuals are in units of the template's QRS. Our own.
    """
    amplitude = amplitude_mv(template)
    width, own_width = qrs_width_s(window), qrs_width_s(template)
    row[0] = 10 * (width - 0.1)
    row[1] = 10 * (width - own_width)
    row[2] = 10 * (own_width - 0.1)
    row[3] = np.log(amplitude_mv(window) / amplitude)
    row[4] = correlation(window[QRS_START:QRS_END], template[QRS_START:QRS_END])
    row[5] = like
    row[6] = correlation(window[P_START:P_END], template[P_START:P_END])
    row[7] = correlation(window, previous)
    row[8] = rms(window[P_START:P_END], template[P_START:P_END]) / amplitude
    row[9] = rms(window[QRS_START:QRS_END], template[QRS_START:QRS_END]) / amplitude
    row[10] = rms(window[T_START:], template[T_START:]) / amplitude


@compiled
def describe_noise(window: Real, amplitude: float, row: Array) -> None:
    """Write NOISE_FEATURES [2] of a window [96] in mV to ``row``.

    How much its T part bends from step to step (a log) and how far its two ends lie
    apart, both in units of ``amplitude``, the template's QRS in mV. Our own.
    """
    bend, start, end = 0.0, 0.0, 0.0
    for k in range(T_START, WINDOW - 1):
        left, mid, right = window[k - 1], window[k], window[k + 1]
        bend += abs(np.float64(right) - 2 * np.float64(mid) + np.float64(left))
    for k in range(EDGE):
        start += window[k]
        end += window[WINDOW - EDGE + k]
    row[0] = np.log(bend / (WINDOW - 1 - T_START) / amplitude + SMOOTHEST)
    row[1] = (start - end) / EDGE / amplitude
