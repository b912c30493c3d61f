"""From ADC units to millivolts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def adu_to_mv(
    adu: NDArray[np.integer], *, gain: float, baseline: float
) -> NDArray[np.float32]:
    """Convert ADC units to millivolts, float32 in the shape of ``adu`` [...].

    ``gain`` is in adu per mV and ``baseline`` is the adu value at 0 mV, as in a
    WFDB header. ``ValueError`` unless the gain is above 0. No delay.
    """
    if not gain > 0:
        raise ValueError(f"gain is {gain}: give a number of adu per mV above 0")
    return ((adu.astype(np.float64) - baseline) / gain).astype(np.float32)


scale = adu_to_mv
