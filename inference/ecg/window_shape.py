"""What the shapes of the beats in a window say of its rhythm: P, QRS, T, likeness."""

from __future__ import annotations

import numpy as np

from inference.ecg.grid import GRID_FS
from inference.ecg.types import Array, Samples

BEFORE, LENGTH = 44, 104  # grid steps: 352 ms before the R peak, 480 ms after it
QRS = slice(BEFORE - 10, BEFORE + 11)
P = slice(BEFORE - 40, BEFORE - 8)
T = slice(BEFORE + 16, BEFORE + 58)
FEWEST = 3
SMALLEST_MV = 0.02
BETWEEN = (44, 12)  # steps after an R peak, and before the next: nothing but P and f


def describe_shapes(band: Array, r_peaks: Samples) -> dict[str, float]:
    """Return features of the beats in ``band`` [m], in mV on the grid.

    ``r_peaks`` [n] are grid steps. NaN where there are too few beats. Looks at the
    whole window at once: no delay of its own. Our own.
    """
    inside = (r_peaks >= BEFORE) & (r_peaks + LENGTH - BEFORE <= len(band))
    r_peaks = r_peaks[inside]
    if len(r_peaks) < FEWEST:
        return dict.fromkeys(_describe(_WAVE, np.array([60, 180, 300])), np.nan)
    return _describe(band, r_peaks)


def _describe(band: Array, r_peaks: Samples) -> dict[str, float]:
    rows = band[r_peaks[:, None] + np.arange(-BEFORE, LENGTH - BEFORE)]
    rows = rows - np.median(rows, axis=1, keepdims=True)
    usual = np.median(rows, axis=0)
    inverted = abs(usual[QRS].min()) > abs(usual[QRS].max())
    if inverted:
        rows, usual = -rows, -usual
    size = max(float(np.ptp(usual[QRS])), SMALLEST_MV)
    sizes = np.ptp(rows[:, QRS], axis=1)
    out = {
        "inverted": float(inverted),
        "size_mv": size,
        "sizes": sizes.std() / sizes.mean() if sizes.mean() > 0 else 0.0,
        "size_least": sizes.min() / size,
        "size_most": sizes.max() / size,
        **_width(usual[QRS], rows[:, QRS]),
        **_wave("p", usual[P] / size, rows[:, P] / size),
        **_wave("t", usual[T] / size, rows[:, T] / size),
        **_between(band, r_peaks, usual, size, -1.0 if inverted else 1.0),
    }
    for k, value in enumerate(_thinned(usual) / size):
        out[f"usual_{k}"] = value
    out |= _oddest(rows, usual, size)
    whole = slice(0, LENGTH)
    for name, part in (("all", whole), ("qrs", QRS), ("p", P), ("t", T)):
        like = _likeness(rows[:, part], usual[part])
        out[f"like_{name}"] = float(np.median(like))
        out[f"like_{name}_low"] = float(np.quantile(like, 0.1))
        out[f"like_{name}_least"] = float(like.min())
        rest = np.sqrt(((rows[:, part] - usual[part]) ** 2).mean(axis=1)) / size
        out[f"rest_{name}"] = float(np.median(rest))
        out[f"rest_{name}_high"] = float(np.quantile(rest, 0.9))
    out["unlike"] = float((_likeness(rows[:, QRS], usual[QRS]) < 0.9).mean())
    power = np.linalg.svd(rows / size, compute_uv=False) ** 2
    out["first_part"] = float(power[0] / power.sum())
    out["second_part"] = float(power[1] / power.sum())
    return {name: float(value) for name, value in out.items()}


def _thinned(usual: Array) -> Array:
    """Return the means of every four steps."""
    return np.asarray(usual.reshape(-1, 4).mean(axis=1))


def _oddest(rows: Array, usual: Array, size: float) -> dict[str, float]:
    """Describe the beat least like the usual one."""
    like = _likeness(rows, usual)
    row = rows[like.argmin()]
    slope = np.abs(np.diff(row[QRS]))
    return {
        "odd_size": float(np.ptp(row[QRS])) / size,
        "odd_high": float(row.max()) / size,
        "odd_low": float(row.min()) / size,
        "odd_steepest": float(slope.max()) / size,
        "odd_below_others": float(np.sort(like)[min(3, len(like) - 1)] - like.min()),
        "odd_area": float(np.abs(row).mean()) / size,
    }


def _likeness(rows: Array, usual: Array) -> Array:
    """Return the correlation [n] of rows [n, w] with a row [w]."""
    around = rows - rows.mean(axis=1, keepdims=True)
    other = usual - usual.mean()
    power = (around**2).sum(axis=1) * (other**2).sum()
    return np.asarray((around @ other) / np.sqrt(np.maximum(power, 1e-12)))


def _width(usual: Array, rows: Array) -> dict[str, float]:
    """Describe the QRS: its width by the spread of its steepness, its two sides."""
    steep = np.diff(rows, axis=1) ** 2
    place = np.arange(steep.shape[1])
    total = np.maximum(steep.sum(axis=1), 1e-12)
    centre = (steep * place).sum(axis=1) / total
    widths = np.sqrt((steep * (place - centre[:, None]) ** 2).sum(axis=1) / total)
    slope = np.diff(usual)
    return {
        "width": float(np.median(widths)),
        "width_most": float(np.quantile(widths, 0.95)),
        "widths": float(widths.std()),
        "steepest": float(np.abs(slope).max() / max(np.ptp(usual), SMALLEST_MV)),
        "below": float(-usual.min() / max(usual.max(), SMALLEST_MV)),
        "area": float(usual.sum() / max(np.ptp(usual), SMALLEST_MV)),
    }


def _wave(name: str, usual: Array, rows: Array) -> dict[str, float]:
    """Describe a wave of the usual beat, in units of its QRS, and how it repeats."""
    line = np.linspace(usual[:3].mean(), usual[-3:].mean(), len(usual))
    wave = usual - line
    loose = np.sqrt(((rows - usual) ** 2).mean(axis=0)).mean()
    each = _likeness(rows - line, wave)
    return {
        f"{name}_high": wave.max(),
        f"{name}_low": wave.min(),
        f"{name}_high_at": float(wave.argmax()),
        f"{name}_low_at": float(wave.argmin()),
        f"{name}_power": np.sqrt((wave**2).mean()),
        f"{name}_sure": np.ptp(wave) / max(loose / np.sqrt(len(rows)), 1e-4),
        f"{name}_repeats": each.mean(),
        f"{name}_repeats_low": float(np.quantile(each, 0.2)),
        f"{name}_turns": float((np.diff(np.sign(np.diff(wave))) != 0).sum()),
    }


def _between(
    band: Array, r_peaks: Samples, usual: Array, size: float, sign: float
) -> dict[str, float]:
    """Describe what is left between beats once the usual beat is taken out."""
    rest = sign * band
    rest = rest.copy()
    for at in r_peaks.tolist():
        rest[at - BEFORE : at - BEFORE + LENGTH] -= usual
    quiet = np.zeros(len(band), bool)
    for at, following in zip(r_peaks[:-1].tolist(), r_peaks[1:].tolist(), strict=True):
        quiet[at + BETWEEN[0] : max(following - BETWEEN[1], at + BETWEEN[0])] = True
    rest = np.where(quiet, rest, 0.0)
    power = np.abs(np.fft.rfft(rest)) ** 2
    hz = np.fft.rfftfreq(len(rest), 1 / GRID_FS)
    total = max(float(power[(hz > 0.5) & (hz < 40)].sum()), 1e-12)
    share = max(float(quiet.mean()), 1e-3)
    line = sign * band[quiet]
    return {
        "between_rest": float(np.sqrt((rest**2).mean() / share)) / size,
        "between": float(line.std()) / size if len(line) else 0.0,
        "between_slow": power[(hz > 0.5) & (hz < 3)].sum() / total,
        "between_f": power[(hz >= 4) & (hz < 9)].sum() / total,
        "between_mid": power[(hz >= 9) & (hz < 15)].sum() / total,
        "between_fast": power[(hz >= 15) & (hz < 40)].sum() / total,
    }


_WAVE = np.sin(np.arange(400) / 9.0)
