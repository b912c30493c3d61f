"""Beat-by-beat comparison as in ANSI/AAMI EC57: a match lies within 150 ms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.ecg import CLASSES
from ml.data import FS, Record

TOLERANCE = 0.150 * FS
MISSED = len(CLASSES)  # the row of false, the column of missed beats
Matrix = NDArray[np.int64]


def match_beats(
    reference: NDArray[np.float64], found: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return for each reference beat the index of its found beat, -1 if missed.

    Each found beat serves once; a reference beat takes the nearest one left.
    """
    partner = np.full(len(reference), -1)
    used = np.zeros(len(found), dtype=bool)
    for k, at in enumerate(reference):
        low = np.searchsorted(found, at - TOLERANCE)
        high = np.searchsorted(found, at + TOLERANCE, side="right")
        free = [j for j in range(low, high) if not used[j]]
        if free:
            partner[k] = min(free, key=lambda j: abs(found[j] - at))
            used[partner[k]] = True
    return partner


def compare(
    record: Record,
    samples: NDArray[np.int64],
    classes: NDArray[np.uint8],
    start_s: float = 0.0,
) -> Matrix:
    """Return the confusion matrix [6, 6] of a record: rows reference, columns found.

    The last column counts missed beats, the last row false ones. Ventricular
    flutter, where no beats are labelled, and what is before ``start_s`` are left
    out.
    """

    def counts(at: NDArray[Any]) -> NDArray[np.bool_]:
        keep = at >= start_s * FS
        for start, end in record.flutter:
            keep &= (at < start - TOLERANCE) | (at > end + TOLERANCE)
        return keep

    partner = match_beats(record.samples, samples)
    matrix = np.zeros((MISSED + 1, MISSED + 1), dtype=np.int64)
    matched = partner >= 0
    to = np.where(
        matched, classes[np.maximum(partner, 0)] if len(classes) else 0, MISSED
    )
    to = np.where(matched, to, MISSED)
    keep = counts(record.samples)
    np.add.at(matrix, (record.classes[keep], to[keep]), 1)
    false = np.setdiff1d(np.arange(len(samples)), partner[matched])
    false = false[counts(samples[false])]
    np.add.at(matrix, (np.full(len(false), MISSED), classes[false]), 1)
    return matrix


def percent(part: int, whole: int) -> float | None:
    """Return a share in per cent, None of nothing."""
    return round(100.0 * part / whole, 3) if whole else None


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
