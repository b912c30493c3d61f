"""Confidence intervals: patients are drawn with replacement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.ecg import CLASSES
from ml.judge.beats import MISSED, Matrix

DRAWS = 2000
SEED = 0
MOST_OF_S = "232"  # holds 75 % of all S of DS2
Real = NDArray[np.float64]


def f1_of(matrices: Real, kind: int) -> Real:
    """Return the F1 of a class of matrices [..., 6, 6], NaN of nothing."""
    real = matrices[..., kind, :].sum(axis=-1)
    said = matrices[..., :, kind].sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * matrices[..., kind, kind] / (real + said))


def shares(matrices: Real) -> dict[str, Real]:
    """Return the figures that get an interval, in per cent (F1: 0 to 1)."""
    beats, found = matrices[..., :MISSED, :], matrices[..., :, :MISSED]
    hit = matrices[..., :MISSED, :MISSED].sum(axis=(-1, -2))
    rows: dict[str, Real] = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        rows["qrs_se"] = 100 * hit / beats.sum(axis=(-1, -2))
        rows["qrs_ppv"] = 100 * hit / found.sum(axis=(-1, -2))
        for name in "SVF":
            k = CLASSES.index(name)
            right = matrices[..., k, k]
            rows[f"{name}_se"] = 100 * right / matrices[..., k, :].sum(axis=-1)
            rows[f"{name}_ppv"] = 100 * right / matrices[..., :, k].sum(axis=-1)
            rows[f"{name}_f1"] = f1_of(matrices, k)
    four = [f1_of(matrices, CLASSES.index(name)) for name in "NSVF"]
    rows["macro_f1"] = np.nan_to_num(np.stack(four)).mean(axis=0)
    return rows


def s_by_patient(matrices: Real) -> Real:
    """Return the S F1 of every patient [records], NaN for one without any S."""
    kind = CLASSES.index("S")
    return np.where(
        matrices[:, kind].sum(axis=1) > 0, np.nan_to_num(f1_of(matrices, kind)), np.nan
    )


def intervals(names: Sequence[str], matrices: Sequence[Matrix]) -> dict[str, list]:
    """Return [low, high] of the middle 95 % of 2,000 draws of as many patients."""
    table = np.stack(matrices).astype(np.float64)
    rng = np.random.default_rng(SEED)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)
    weights = drawn.astype(np.float64)
    found = shares(np.tensordot(weights, table, axes=1))
    mean = s_by_patient(table)
    known = ~np.isnan(mean)
    with np.errstate(invalid="ignore"):
        found["S_f1_mean_over_patients"] = (weights[:, known] @ mean[known]) / (
            weights[:, known].sum(axis=1)
        )
    if MOST_OF_S in names:
        rest = weights.copy()
        rest[:, list(names).index(MOST_OF_S)] = 0
        found["S_f1_without_232"] = f1_of(
            np.tensordot(rest, table, axes=1), CLASSES.index("S")
        )
    return {
        name: [round(float(v), 4) for v in np.nanpercentile(values, [2.5, 97.5])]
        for name, values in found.items()
        if not np.isnan(values).all()
    }
