"""Train the irregularity that the beat net is told, from intervals alone.

``python -m ml.irregular --data DIR`` prints record-grouped cross-validation on the
annotations of afdb and nsrdb and on made-up ectopy; ``--write`` puts the coefficients
into the analysis. After that the beat net must be trained anew: what it is told is
another thing. ``ml.af`` trains what is said of rhythm, once classes are known.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import wfdb
from numpy.typing import NDArray

from inference.ecg.irregular import AF_FEATURES, FEWEST, INTERVALS, af_features
from ml.data import WrongData, data_folder
from ml.irregular_ectopy import PATTERNS, with_ectopy

SEED = 0
STEP = 48  # intervals from row to row
SHORT = 0.25  # share of rows that lose their oldest intervals
FOLDS = 5
RIDGE = 1.0
# AF weighs little against ectopic beats: what is called S in a patient is far more
# often ectopic, and a gate that is shut wrongly hides what was right.
WEIGHTS = {"afdbTrue": 2.0, "afdbFalse": 0.8, "nsrdbFalse": 0.6}  # each pattern: 1
TOTAL_WEIGHT = sum(WEIGHTS.values()) + len(PATTERNS)
MODEL = Path("inference/ecg/irregular_model.py")
BEAT_SYMBOLS = frozenset("NLRBAaJSVrFejnE/fQ?")
Real = NDArray[np.float64]


class Rows(NamedTuple):
    """Features [n, 12], fibrillation or not [n], the record's number [n], its kind."""

    features: Real
    af: NDArray[np.bool_]
    records: NDArray[np.int64]
    kinds: NDArray[np.str_]


def read_intervals(path: Path, beats: str) -> tuple[Real, NDArray[np.float64]]:
    """Return intervals in s and whether each lies in AF (NaN: flutter, unlabelled).

    ``beats`` is the annotator of the beats, rhythms are taken from ``atr``.
    """
    fs = float(wfdb.rdheader(str(path)).fs)
    found = wfdb.rdann(str(path), beats)
    rhythm = wfdb.rdann(str(path), "atr")
    keep = [symbol in BEAT_SYMBOLS for symbol in found.symbol]
    at = np.asarray(found.sample)[keep]
    marks = [
        (sample, note.rstrip("\0"))
        for sample, symbol, note in zip(
            rhythm.sample, rhythm.symbol, rhythm.aux_note, strict=True
        )
        if symbol == "+" and note.startswith("(")
    ]
    state = np.zeros(len(at))
    for sample, note in marks:
        value = {"(AFIB": 1.0, "(AFL": np.nan}.get(note, 0.0)
        state[at >= sample] = value
    intervals = np.diff(at) / fs
    real = (intervals > 0.2) & (intervals < 4.0)
    return intervals[real], state[1:][real]


def cut_rows(
    intervals: Real, state: Real, rng: np.random.Generator, step: int = STEP
) -> tuple[Real, NDArray[np.bool_]]:
    """Return rows of 64 intervals, and whether 90 % of them lie in fibrillation.

    Rows of mixed rhythm are left out. A quarter have lost their oldest intervals,
    as at the start of a record.
    """
    at = np.arange(INTERVALS, len(intervals) + 1, step)[:, None]
    index = at + np.arange(-INTERVALS, 0)[None, :]
    rows, share = intervals[index], state[index].mean(axis=1)
    clear = (share > 0.9) | (share < 0.1)  # NaN is neither
    rows, share = rows[clear], share[clear]
    kept = np.where(
        rng.random(len(rows)) < SHORT,
        rng.integers(FEWEST, INTERVALS, len(rows)),
        INTERVALS,
    )
    rows[np.arange(INTERVALS)[None, :] < INTERVALS - kept[:, None]] = np.nan
    return rows, share > 0.5


def read_rows(data: Path, seed: int) -> Rows:
    """Describe afdb, nsrdb, and nsrdb with made-up ectopic beats."""
    rng = np.random.default_rng(seed)
    parts: list[Rows] = []

    def add(intervals: Real, state: Real, number: int, kind: str) -> None:
        rows, af = cut_rows(intervals, state, rng)
        parts.append(
            Rows(
                af_features(rows),
                af,
                np.full(len(rows), number),
                np.full(len(rows), kind),
            )
        )

    number = 0
    for folder, beats in (("afdb_annotations", "qrs"), ("nsrdb_annotations", "atr")):
        paths = sorted((data / folder).glob("*.hea"))
        if not paths:
            raise WrongData(f"no records in {data / folder}")
        for path in paths:
            intervals, state = read_intervals(path.with_suffix(""), beats)
            add(intervals, state, number, folder[:-12])
            if folder.startswith("nsrdb"):
                for pattern in PATTERNS:
                    start = int(rng.integers(0, len(intervals) - 9000))
                    part = with_ectopy(intervals[start : start + 8000], pattern, rng)
                    add(part, np.zeros(len(part)), number, pattern)
            number += 1
    return Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class Model(NamedTuple):
    """A logistic regression: intercept + slope . (features - centre)."""

    centre: Real
    slope: Real
    intercept: float

    def probability(self, features: Real) -> Real:
        """Return the probability [n] of fibrillation."""
        score = self.intercept + (features - self.centre) @ self.slope
        return 1 / (1 + np.exp(-score))


def fit(rows: Rows) -> Model:
    """Fit by Newton's method; a database, rhythm or pattern weighs as in WEIGHTS."""
    centre, scale = rows.features.mean(axis=0), rows.features.std(axis=0)
    x = np.column_stack((np.ones(len(rows.af)), (rows.features - centre) / scale))
    groups = np.array([f"{k}{a}" for k, a in zip(rows.kinds, rows.af, strict=True)])
    weights = np.zeros(len(groups))
    for name in np.unique(groups):
        inside = groups == name
        weight = WEIGHTS.get(name, 1.0)
        weights[inside] = weight * len(groups) / inside.sum() / TOTAL_WEIGHT
    beta = np.zeros(x.shape[1])
    ridge = RIDGE * np.r_[0.0, np.ones(x.shape[1] - 1)]
    for _ in range(25):
        p = 1 / (1 + np.exp(-(x @ beta)))
        slope = x.T @ (weights * (rows.af - p)) - ridge * beta
        curve = (x * (weights * p * (1 - p))[:, None]).T @ x + np.diag(ridge)
        beta = beta + np.linalg.solve(curve, slope)
    return Model(centre, beta[1:] / scale, float(beta[0]))


def cross_validate(rows: Rows, seed: int) -> Real:
    """Return each row's probability from a model that never saw its record."""
    order = np.random.default_rng(seed).permutation(rows.records.max() + 1)
    out = np.zeros(len(rows.af))
    for fold in range(FOLDS):
        held = np.isin(rows.records, order[fold::FOLDS])
        model = fit(Rows(*(column[~held] for column in rows)))
        out[held] = model.probability(rows.features[held])
    return out


def share(mask: NDArray[np.bool_]) -> str:
    """Return the share of True in per cent, as text."""
    return f"{100 * mask.mean():.2f} %" if len(mask) else "none"


def report(rows: Rows, probability: Real) -> None:
    """Print who is taken for fibrillation."""
    for kind in np.unique(rows.kinds):
        inside = rows.kinds == kind
        for af in (True, False):
            said = probability[inside & (rows.af == af)]
            if len(said):
                word = "in AF" if af else "not in AF"
                print(
                    f"{kind}, {word}: {len(said)} rows, p > 0.5 {share(said > 0.5)}, "
                    f"p > 0.8 {share(said > 0.8)}"
                )


def write(model: Model, path: Path) -> None:
    """Write the coefficients as a module, in as many digits as mean something."""

    def lines(name: str, values: Real) -> str:
        rows = (
            f"    {round(float(value), 4)},  # {feature}\n"
            for feature, value in zip(AF_FEATURES, values, strict=True)
        )
        return f"{name} = (\n{''.join(rows)})\n"

    path.write_text(
        '"""Coefficients of the probability of fibrillation before classes are '
        "known.\n\nWritten by ``python -m ml.irregular --write`` from the annotations "
        "of the MIT-BIH\nAtrial Fibrillation "
        "and Normal Sinus Rhythm Databases (PhysioNet, ODC-By).\n"
        '"""\n\n'
        + lines("CENTRE", model.centre)
        + lines("SLOPE", model.slope)
        + f"INTERCEPT = {round(model.intercept, 4)}\n"
    )


def main() -> None:
    """Cross-validate, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of the databases")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    data = data_folder(options.data)
    rows = read_rows(data, options.seed)
    report(rows, cross_validate(rows, options.seed))
    model = fit(rows)
    print(model)
    if options.write:
        write(model, MODEL)
        print(f"wrote {MODEL}")


if __name__ == "__main__":
    main()
