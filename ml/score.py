"""Figures of a confusion matrix: sensitivity, +P and F1 per class."""

from __future__ import annotations

from typing import Any

import numpy as np

from inference.ecg import CLASSES
from ml.judge.beats import MISSED, Matrix
from ml.judge.ec57 import percent


def figures(matrix: Matrix) -> dict[str, Any]:
    """Return sensitivity, +P and F1 of each class, and those of finding a QRS."""
    beats, n = matrix[:MISSED], len(CLASSES)
    found = int(beats[:, :n].sum())
    result: dict[str, Any] = {
        "qrs": {
            "se": percent(found, int(beats.sum())),
            "ppv": percent(found, int(matrix[:, :n].sum())),
            "missed": int(beats[:, MISSED].sum()),
            "false": int(matrix[MISSED, :n].sum()),
        }
    }
    for k, name in enumerate(CLASSES):
        hit, real, said = (
            int(matrix[k, k]),
            int(matrix[k].sum()),
            int(matrix[:, k].sum()),
        )
        result[name] = {
            "n": real,
            "se": percent(hit, real),
            "ppv": percent(hit, said),
            "f1": round(2 * hit / (real + said), 4) if real + said else None,
        }
    four = [result[name]["f1"] or 0.0 for name in "NSVF"]
    result["macro_f1"] = round(float(np.mean(four)), 4)
    result["confusion"] = matrix.tolist()
    return result


def table(result: dict[str, Any]) -> str:
    """Return figures as one readable line."""
    parts = [f"QRS {result['qrs']['se']}/{result['qrs']['ppv']}"]
    for name in "NSVF":
        row = result[name]
        parts.append(f"{name} {row['se']}/{row['ppv']} F1 {row['f1']}")
    return ", ".join([*parts, f"macro F1 {result['macro_f1']}"])


__all__ = ["MISSED", "Matrix", "figures", "percent", "table"]
