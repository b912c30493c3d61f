"""Detection of QRS, VEB and SVEB from a confusion matrix, as EC57 counts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from inference.ecg import CLASSES
from ml.judge.beats import MISSED, Matrix

N, S, V, F, Q = range(len(CLASSES))
RULE = (
    "VEB: a found V on a reference N or S, or on none, is false; on F or Q it counts "
    "neither way. SVEB: a found S on N, V or F, or on none, is false; on Q it counts "
    "neither way. From 5 min on, paced records and ventricular flutter left out."
)


def percent(part: int, whole: int) -> float | None:
    """Return a share in per cent, None of nothing."""
    return round(100.0 * part / whole, 3) if whole else None


def detection(matrix: Matrix) -> dict[str, dict[str, Any]]:
    """Return sensitivity and +P of QRS, VEB and SVEB."""
    counts = {
        "qrs": (
            int(matrix[:MISSED, :MISSED].sum()),
            int(matrix[:MISSED, MISSED].sum()),
            int(matrix[MISSED, :MISSED].sum()),
        ),
        "veb": _ectopic(matrix, V, neither=(F, Q)),
        "sveb": _ectopic(matrix, S, neither=(Q,)),
    }
    return {
        name: {
            "tp": tp,
            "fn": fn,
            "fp": fp,
            "se": percent(tp, tp + fn),
            "ppv": percent(tp, tp + fp),
        }
        for name, (tp, fn, fp) in counts.items()
    }


def _ectopic(
    matrix: Matrix, kind: int, neither: tuple[int, ...]
) -> tuple[int, int, int]:
    hit = int(matrix[kind, kind])
    false = int(matrix[:, kind].sum()) - hit - int(matrix[list(neither), kind].sum())
    return hit, int(matrix[kind].sum()) - hit, false


def gross_and_average(matrices: Sequence[Matrix]) -> dict[str, Any]:
    """Return the figures of all beats, and the means over the records that have any."""
    gross: dict[str, Any] = dict(detection(np.sum(matrices, axis=0)))
    rows = [detection(matrix) for matrix in matrices]
    for name, line in gross.items():
        for figure in ("se", "ppv"):
            known = [r[name][figure] for r in rows if r[name][figure] is not None]
            mean = round(float(np.mean(known)), 3) if known else None
            line[f"average_{figure}"] = mean
    return gross
