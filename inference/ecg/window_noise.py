"""What the signal itself says of a window: power by frequency, peaks, periods."""

from __future__ import annotations

import numpy as np

from inference.ecg.grid import GRID_FS
from inference.ecg.types import Array

BANDS_HZ = (0.0, 0.5, 2.0, 5.0, 10.0, 15.0, 25.0, 40.0, 62.5)
SMALLEST = 1e-9
PERIOD_S = (0.3, 1.6)


def describe_noise(grid: Array, band: Array) -> dict[str, float]:
    """Return features of a window of signal in mV on the grid [m], m >= 125.

    ``band`` [m] is ``grid`` between 0.5 and 40 Hz. Looks at the whole window at once:
    no delay of its own. Our own.
    """
    centred = grid - grid.mean()
    power = np.abs(np.fft.rfft(centred * np.hanning(len(centred)))) ** 2
    hz = np.fft.rfftfreq(len(grid), 1 / GRID_FS)
    total = max(float(power.sum()), SMALLEST)
    heart = (hz > 0.5) & (hz < 40)
    within = power[heart] / max(float(power[heart].sum()), SMALLEST)
    out = {"log_power": float(np.log(total / len(grid)))}
    for low, high in zip(BANDS_HZ[:-1], BANDS_HZ[1:], strict=True):
        part = power[(hz >= low) & (hz < high)].sum() / total
        out[f"power_{low:g}_hz"] = float(np.log(part + 1e-6))
    out["spectral_entropy"] = float(-(within * np.log(within + 1e-12)).sum())
    out["centre_hz"] = float((within * hz[heart]).sum())
    seconds = band[: len(band) // GRID_FS * GRID_FS].reshape(-1, GRID_FS)
    range_mv = np.ptp(seconds, axis=1)
    usual = max(float(np.median(range_mv)), SMALLEST)
    slope = np.diff(band)
    rough = np.abs(np.diff(band, 2))
    fast = np.sort(np.abs(slope))
    return out | {
        "range_mv": usual,
        "range_least": float(range_mv.min()) / usual,
        "range_most": float(range_mv.max()) / usual,
        "ranges": float(range_mv.std()) / usual,
        "peaked": _kurtosis(band),
        "slope_peaked": _kurtosis(slope),
        "lopsided": float((band**3).mean() / max(float(band.std()) ** 3, SMALLEST)),
        "rough": float(np.median(rough)) / usual,
        "calm": float(fast[len(fast) // 2]) / usual,
        "steep": float(fast[int(len(fast) * 0.95)]) / usual,
        "wander": float((grid - band).std()) / usual,
        "crossings": float((np.diff(np.sign(band)) != 0).mean()),
        "still": float((np.abs(slope) < 1e-6).mean()),
        **_periods(slope),
    }


def _kurtosis(values: Array) -> float:
    around = values - values.mean()
    return float((around**4).mean() / max(float((around**2).mean()) ** 2, SMALLEST))


def _periods(slope: Array) -> dict[str, float]:
    """Describe how well the steepness of the signal repeats after some time."""
    steep = np.convolve(slope**2, np.ones(8) / 8, "same")
    steep = np.minimum(steep, np.quantile(steep, 0.98))
    steep = steep - steep.mean()
    size = 1 << (2 * len(steep) - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(steep, size)) ** 2
    like = np.fft.irfft(spectrum)[: int(PERIOD_S[1] * GRID_FS)]
    like = like / max(float(like[0]), SMALLEST**2)
    late = like[int(PERIOD_S[0] * GRID_FS) :]
    best = int(late.argmax()) if len(late) else 0
    return {
        "repeats": float(late[best]) if len(late) else 0.0,
        "repeats_after_s": PERIOD_S[0] + best / GRID_FS,
        "repeats_least": float(late.min()) if len(late) else 0.0,
    }
