"""R peaks and beats: the product line and the literature line, never mixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from inference.ecg import CLASSES
from ml.data import PACED
from ml.judge.beats import MISSED, Matrix, true_classes
from ml.judge.bootstrap import MOST_OF_S, f1_of, intervals, s_by_patient
from ml.judge.calibration import calibration
from ml.judge.ec57 import RULE, gross_and_average
from ml.judge.groups import Outcomes, groups, pooled
from ml.score import figures


def s_three_ways(names: Sequence[str], matrices: Sequence[Matrix]) -> dict[str, Any]:
    """Return the F1 of S pooled, without record 232, and as mean over patients."""
    rest = [m for n, m in zip(names, matrices, strict=True) if n != MOST_OF_S]
    kind = CLASSES.index("S")
    by_patient = s_by_patient(np.stack(matrices).astype(np.float64))
    known = by_patient[~np.isnan(by_patient)]

    def rounded(value: Any) -> float | None:
        return None if np.isnan(value) else round(float(value), 4)

    return {
        "pooled_f1": rounded(f1_of(pooled(matrices).astype(np.float64), kind)),
        "without_232_f1": rounded(f1_of(pooled(rest).astype(np.float64), kind))
        if rest
        else None,
        "mean_over_patients_f1": rounded(known.mean()) if len(known) else None,
        "patients": len(known),
    }


def line(names: Sequence[str], matrices: Sequence[Matrix]) -> dict[str, Any]:
    """Return the figures of one line on some records, with their intervals."""
    return {
        **figures(pooled(matrices)),
        "S_three_ways": s_three_ways(names, matrices),
        "confidence_95": intervals(names, matrices),
    }


def r_peak_section(outcomes: Outcomes) -> dict[str, Any]:
    """Return Se and +P of R peaks, from the first sample and from 5 min on."""
    return {
        part: {
            "from_0_s": figures(pooled([o.whole for o in members]))["qrs"],
            "from_5_min": figures(pooled([o.later for o in members]))["qrs"],
        }
        for part, members in groups(outcomes).items()
    }


def beat_section(outcomes: Outcomes) -> dict[str, Any]:
    """Return both lines, EC57's detection figures and the calibration."""
    result: dict[str, Any] = {"product": {}, "literature": {}, "ec57": {"rule": RULE}}
    for part, members in groups(outcomes).items():
        names = [o.name for o in members]
        result["product"][part] = {
            "from_0_s": line(names, [o.whole for o in members]),
            "from_5_min": line(names, [o.later for o in members]),
        }
        annotated = [o.literature for o in members if o.literature is not None]
        if annotated:
            result["literature"][part] = line(names, annotated)
        if part != "paced":
            unpaced = [o.later for o in members if o.name not in PACED]
            result["ec57"][part] = gross_and_average(unpaced)
    result["calibration"] = {
        part: calibration_of(members) for part, members in groups(outcomes).items()
    }
    return result


def calibration_of(outcomes: Outcomes) -> dict[str, Any]:
    """Return the reliability of all beats found; a false one is of no class."""
    said = [
        o.found.probabilities for o in outcomes if o.found.probabilities is not None
    ]
    real = [true_classes(o.reference, o.found) for o in outcomes]
    probabilities, classes = np.concatenate(said), np.concatenate(real)
    known = classes <= MISSED  # not in flutter
    return calibration(probabilities[known], classes[known])
