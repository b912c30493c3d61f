"""Train the atrial evidence: fibrillation from what lies between the beats.

``python -m ml.atrial --data DIR`` prints record-grouped cross-validation on the
records of the PhysioNet/CinC Challenge 2017, labelled as a whole, as they are and with
noise of nstdb; ``--write`` puts the net into the analysis. No mitdb record is read,
and svdb is not learned from: whoever learned that Holter leads are never in
fibrillation would say so of all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from inference.ecg.atrial import P_BINS
from ml.af_ectopy import Flags, Real
from ml.af_net import Net, fit, write
from ml.atrial_rows import AtrialRows, read_short_set
from ml.data import data_folder

SEED = 0
FOLDS = 5
WEIGHTS = {"N": 0.5, "A": 1.5, "O": 2.0}  # what is labelled noise teaches nothing
# Fibrillation is rare among what is made noisy, so that noise says nothing: that is
# about -2.5, the neutral evidence of ``inference.ecg.af``, and not 0.
NOISY_WEIGHTS = {"N": 0.4, "A": 0.08, "O": 0.6}
DRAWN = 600_000
MODEL = Path("inference/ecg/atrial_model.py")
TITLE = "The net that tells fibrillation from what lies between the beats."
SOURCE = (
    "Written by ``python -m ml.atrial --write`` from the PhysioNet/CinC Challenge 2017",
    "and noise of the MIT-BIH Noise Stress Test Database (PhysioNet, ODC-By).",
)


def fit_rows(rows: AtrialRows, chosen: Flags, seed: int) -> Net:
    """Fit a net to the chosen rows, either way up; every record weighs the same."""
    kinds = rows.labels[rows.records]
    chosen = chosen & np.isin(kinds, list(WEIGHTS))
    records, kinds, noisy = rows.records[chosen], kinds[chosen], rows.noisy[chosen]
    places = 2 * records + noisy
    weights = 1 / np.bincount(places)[places]
    for weighed, own in ((WEIGHTS, ~noisy), (NOISY_WEIGHTS, noisy)):
        for kind, weight in weighed.items():
            inside = own & (kinds == kind)
            weights[inside] *= weight / weights[inside].sum()
    turned = rows.features[chosen].copy()
    turned[:, :P_BINS] *= -1
    features = np.concatenate((rows.features[chosen], turned))
    af, both = np.tile(kinds == "A", 2), np.tile(weights, 2)
    return fit(features, af, both, seed, DRAWN)


def folds_of(count: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each of so many records."""
    return np.random.default_rng(seed).permutation(count) % FOLDS


def cross_validate(rows: AtrialRows, seed: int) -> Real:
    """Return what is said of each row by a net that never saw its record."""
    held = folds_of(len(rows.labels), seed)[rows.records]
    said = np.zeros(len(held))
    for fold in range(FOLDS):
        net = fit_rows(rows, held != fold, seed)
        said[held == fold] = net.score(rows.features[held == fold])
    return said


def means_of(rows: AtrialRows, said: Real, noisy: bool = False) -> Real:
    """Return the mean of what is said of each record, NaN of none."""
    count = len(rows.labels)
    own = rows.noisy == noisy
    records = rows.records[own]
    with np.errstate(invalid="ignore"):
        sums = np.bincount(records, said[own], count)
        return np.asarray(sums / np.bincount(records, minlength=count))


def report_separation(title: str, labels: NDArray[np.str_], said: Real) -> None:
    """Print how well what is said of records [r] ranks those of fibrillation first."""
    words = []
    for others in ("O", "N", "NO"):
        inside = np.isin(labels, ["A", *others]) & ~np.isnan(said)
        area = roc_auc_score(labels[inside] == "A", said[inside])
        words.append(f"A against {others} {area:.4f}")
    print(f"{title}: {', '.join(words)}")


def main() -> None:
    """Cross-validate, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of the databases")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", action="store_true", help="train and write only")
    options = parser.parse_args()
    rows = read_short_set(data_folder(options.data), options.seed).atrial
    print(f"{len(rows.records)} rows of {len(rows.labels)} records")
    if options.write:
        net = fit_rows(rows, np.ones(len(rows.records), bool), options.seed)
        write(net, MODEL, "ATRIAL_NET", (TITLE, *SOURCE))
        return
    said = cross_validate(rows, options.seed)
    for title, noisy in (("between the beats", False), ("with noise", True)):
        means = means_of(rows, said, noisy)
        report_separation(title, rows.labels, means)
        for label in "NOA~":
            own = means[rows.labels == label]
            values = np.nanquantile(own, (0.05, 0.5, 0.95)).round(1)
            print(f"{label}: 5, 50 and 95 % {values}")


if __name__ == "__main__":
    main()
