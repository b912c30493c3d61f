"""What the intervals and the classes of the beats in a window say of its rhythm."""

from __future__ import annotations

import numpy as np

from inference.ecg.af import join_ventricular
from inference.ecg.irregularity import (
    AF_FEATURES,
    INTERVALS,
    ROOM,
    describe_irregularity,
)
from inference.ecg.types import CLASSES, Array, Mask, Signal

FEWEST = 6  # intervals that can be told regular or not
EARLY, LATE = 0.88, 1.12  # of the median interval
ALIKE_S = 0.03
QUANTILES = (0.05, 0.1, 0.25, 0.75, 0.9, 0.95)
VENTRICULAR, FUSION = CLASSES.index("V"), CLASSES.index("F")


def describe_intervals(pre_s: Array, wide: Mask) -> dict[str, float]:
    """Return features of the intervals before each beat [n] in s (NaN: unknown).

    ``wide`` [n] tells which beats are ventricular or fusion beats. Looks at the whole
    window at once. Entropy after Lake and Moorman (2011), the rest is our own.
    """
    known = pre_s[~np.isnan(pre_s)]
    out = {
        "unknown": 1 - len(known) / max(len(pre_s), 1),
        **_irregularity("row", known),
    }
    joined = np.empty(len(pre_s))
    count = join_ventricular(pre_s, wide, joined)
    out |= _irregularity("joined", joined[:count])
    if len(known) < FEWEST:
        known = np.full(FEWEST, np.nan)
    middle = np.median(known)
    step = np.diff(known)
    size = np.abs(step)
    ratio = known / middle
    out |= {
        "rate": 60 / middle,
        "rate_mean": 60 / known.mean(),
        "shortest": known.min(),
        "longest": known.max(),
        "shortest_ratio": ratio.min(),
        "longest_ratio": ratio.max(),
        "spread": known.std(),
        "variation": known.std() / known.mean(),
        "rmssd": np.sqrt((step**2).mean()),
        "step_median": np.median(size) / middle,
        "step_most": np.max(size) / middle,
        "over_10_ms": (size > 0.01).mean(),
        "over_20_ms": (size > 0.02).mean(),
        "over_50_ms": (size > 0.05).mean(),
        "near_middle": (np.abs(ratio - 1) < 0.05).mean(),
        "skew": _skew(known),
        "across": float(np.std(step)),
        "along": float(np.std(known[1:] + known[:-1])),
        "early": (ratio < EARLY).mean(),
        "late": (ratio > LATE).mean(),
        "early_late": ((ratio[:-1] < EARLY) & (ratio[1:] > LATE)).mean(),
        "early_usual": (
            (ratio[:-1] < EARLY) & (np.abs(ratio[1:] - 1) < LATE - 1)
        ).mean(),
        "pauses": (ratio > 1.6).mean(),
        "trend": _trend(ratio),
        "sample_entropy": _sample_entropy(known),
    }
    for share in QUANTILES:
        out[f"ratio_{share}"] = np.quantile(ratio, share)
        out[f"step_{share}"] = np.quantile(step, share) / middle
    return out


def _irregularity(name: str, intervals: Array) -> dict[str, float]:
    out = np.full(len(AF_FEATURES), np.nan)
    row = intervals[-INTERVALS:]
    if len(row) >= FEWEST:
        describe_irregularity(row, np.empty(ROOM), out)
    return {f"{name}_{n}": v for n, v in zip(AF_FEATURES, out.tolist(), strict=True)}


def _trend(values: Array) -> float:
    """Return the slope of a straight line through values."""
    place = np.arange(len(values)) - (len(values) - 1) / 2
    return float((place * values).sum() / (place * place).sum())


def _skew(values: Array) -> float:
    around = values - values.mean()
    return float((around**3).mean() / max(float(np.std(values)) ** 3, 1e-9))


def _sample_entropy(known: Array) -> float:
    """Return how rarely intervals alike are followed by alike ones, less the rate.

    Lake DE, Moorman JR. Accurate estimation of entropy in very short physiological
    time series. Am J Physiol 300:H319-H325, 2011.
    """
    alike = np.abs(known[:, None] - known[None, :]) < ALIKE_S
    np.fill_diagonal(alike, False)
    singles = alike[:-1, :-1].sum()
    pairs = (alike[:-1, :-1] & alike[1:, 1:]).sum()
    ratio = (pairs + 0.5) / (singles + 0.5)
    return float(-np.log(ratio) + np.log(2 * ALIKE_S) - np.log(known.mean()))


def describe_classes(probabilities: Signal, pre_s: Array) -> dict[str, float]:
    """Return features of the class probabilities [n, 5] of the beats.

    ``pre_s`` [n] are the intervals before them in s (NaN: unknown). Looks at the whole
    window at once. Our own.
    """
    count = max(len(probabilities), 1)
    called = probabilities.argmax(axis=1) if len(probabilities) else np.zeros(0, int)
    out: dict[str, float] = {}
    for k, name in enumerate(CLASSES[:4]):
        own = probabilities[:, k] if len(probabilities) else np.zeros(1)
        out[f"mean_{name}"] = float(own.mean())
        out[f"most_{name}"] = float(own.max())
        out[f"share_{name}"] = float((called == k).sum() / count)
        ordered = np.sort(own)[::-1]
        out[f"three_most_{name}"] = float(ordered[:3].mean())
    early = EARLY * np.nanmedian(pre_s) if (~np.isnan(pre_s)).any() else 0.0
    which = pre_s < early
    for k, name in ((0, "N"), (1, "S"), (2, "V")):
        own = probabilities[which, k]
        out[f"early_{name}"] = float(own.mean()) if len(own) else np.nan
    wide = (called == VENTRICULAR) | (called == FUSION)
    out["wide_pairs"] = float((wide[1:] & wide[:-1]).sum() / count)
    out["sure"] = float(probabilities.max(axis=1).mean()) if len(called) else 0.0
    return out
