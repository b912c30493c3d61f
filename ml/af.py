"""Train the probability of atrial fibrillation from intervals.

``python -m ml.af --data DIR`` prints record-grouped cross-validation: rows of every
kind, and durations on afdb, nsrdb and svdb by a threshold and by episodes; ``--write``
puts the net into the analysis. No mitdb record is read.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.af_ectopy import Flags, Real
from ml.af_net import Net, fit, write
from ml.af_rows import (
    SVDB_DOUBTFUL,
    Rows,
    Series,
    features_at,
    make_rows,
    read_folder,
)
from ml.data import data_folder
from ml.short_records import read_short_records

SEED = 0
FOLDS = 5
# Fibrillation is missed more gladly in training than in use: what is no fibrillation
# comes in more kinds here than in patients. Chosen where afdb's sensitivity by
# episodes is 95 %.
SHIFT = 0.5
WEIGHTS = {  # how much a kind of row counts; every pattern that is not here: 0.8
    **{"afdbA": 4.0, "afdbN": 1.6, "nsrdb": 1.2, "svdb": 1.0},
    **{"wideA": 0.6, "falseA": 0.4, "missedA": 0.4},
    **{"shortA": 1.5, "shortN": 0.5, "shortO": 2.0},
    **{"breath": 0.7, "sick": 0.4, "wenckebach": 0.5, "false": 0.5, "missed": 0.5},
}
EVERY = {"afdb": 4, "nsrdb": 8, "svdb": 2}  # of so many beats one is looked at
ENTER, MIDDLE, LEAVE, BACK, LEAST_S = 0.7, 0.5, 0.3, 24, 30.0  # as in live episodes
MODEL = Path("inference/ecg/af_model.py")


class Sets(NamedTuple):
    """The records of the four sets; the last with labels."""

    afdb: list[Series]
    nsrdb: list[Series]
    svdb: list[Series]
    short: list[tuple[str, Series]]


def read_sets(data: Path) -> Sets:
    """Read all intervals; those of training2017 come from the released analysis."""
    short = [
        (record.label, Series(record.name, record.intervals, np.zeros(0), np.zeros(0)))
        for record in read_short_records(data)
    ]
    return Sets(
        read_folder(data / "afdb_annotations", "qrs"),
        read_folder(data / "nsrdb_annotations", "atr"),
        read_folder(data / "svdb", "atr"),
        short,
    )


def fit_rows(rows: Rows, chosen: Flags, seed: int) -> Net:
    """Fit a net to the chosen rows; a kind weighs as in WEIGHTS."""
    kinds, place = np.unique(rows.kinds[chosen], return_inverse=True)
    share = np.array([WEIGHTS.get(str(kind), 0.8) for kind in kinds])
    weights = (share / np.bincount(place))[place]
    return fit(rows.features[chosen], rows.af[chosen], weights, seed).moved(SHIFT)


def folds_of(rows: Rows, seed: int) -> NDArray[np.int64]:
    """Return the fold of each record."""
    count = int(rows.groups.max()) + 1
    return np.random.default_rng(seed).permutation(count) % FOLDS


def report_rows(rows: Rows, probability: Real) -> None:
    """Print who is taken for fibrillation, row by row."""
    for kind in np.unique(rows.kinds):
        said = probability[rows.kinds == kind]
        shares = (f"p > {t}: {100 * (said > t).mean():.2f} %" for t in (0.5, 0.7))
        print(f"{kind}: {len(said)} rows, {', '.join(shares)}")


def episodes(probability: Real, series: Series) -> Flags:
    """Return which intervals lie in episodes formed about as live ones are."""
    ends_s, inside = series.ends_s, np.zeros(len(probability), bool)
    start, entered, certain, ended = -1, False, False, -1
    for k, p in enumerate(probability):
        if start < 0:
            if p < MIDDLE:
                continue
            start, entered, certain, ended = max(k - BACK, 0), False, False, -1
        entered |= p >= ENTER
        if p < MIDDLE:
            ended = k if ended < 0 else ended
            certain |= p < LEAVE
        elif p >= ENTER or not certain:
            ended, certain = -1, False
        gone = ended >= 0 and (
            not entered or (certain and ends_s[k] - ends_s[ended] > LEAST_S)
        )
        if gone or k == len(probability) - 1:
            stop = max(ended - BACK, start) if ended >= 0 else k
            if entered and ends_s[stop] - ends_s[start] >= LEAST_S:
                inside[start:stop] = True
            start = -1
    return inside


def durations(inside: Flags, series: Series) -> Real:
    """Return seconds of true, false, missed fibrillation and of none."""
    s, known = series.intervals.s, ~np.isnan(series.af)
    af = series.af == 1
    cases = (inside & af, inside & ~af, ~inside & af, ~inside & ~af)
    return np.array([s[known & case].sum() for case in cases])


def report_durations(name: str, found: list[tuple[Series, Real]]) -> None:
    """Print durations by a threshold and by episodes."""
    for rule in ("p > 0.5", "episodes"):
        total, count = np.zeros(4), 0
        for series, probability in found:
            by_episodes = rule == "episodes"
            inside = episodes(probability, series) if by_episodes else probability > 0.5
            total += durations(inside, series)
            count += int((np.diff(inside.astype(int), prepend=0) == 1).sum())
        tp, fp, fn, tn = total
        day = 86400 * count / total.sum()
        print(
            f"{name}, {rule}: Se {100 * tp / max(tp + fn, 1):.2f} "
            f"Sp {100 * tn / max(tn + fp, 1):.3f} +P {100 * tp / max(tp + fp, 1):.2f}, "
            f"called AF {100 * (tp + fp) / total.sum():.3f} %, {day:.2f} per 24 h"
        )


def look_at(sets: Sets, nets: list[Net], folds: NDArray[np.int64]) -> None:
    """Print durations of every set, each record judged by a net that never saw it."""
    start = 0
    for name, members in zip(("afdb", "nsrdb", "svdb"), sets[:3], strict=True):
        found = []
        for k, series in enumerate(members):
            if series.name in SVDB_DOUBTFUL and name == "svdb":
                continue
            count, every = len(series.intervals.s), EVERY[name]
            features = features_at(series, range(1, count + 1, every))
            said = nets[folds[start + k]].probability(features)
            found.append((series, np.repeat(said, every)[:count]))
        report_durations(name, found)
        start += len(members)


def main() -> None:
    """Cross-validate, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of the databases")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", action="store_true", help="train and write only")
    options = parser.parse_args()
    sets = read_sets(data_folder(options.data))
    rows = make_rows(*sets, np.random.default_rng(options.seed))
    print(f"{len(rows.af)} rows of {int(rows.groups.max()) + 1} records")
    if options.write:
        write(fit_rows(rows, np.ones(len(rows.af), bool), options.seed), MODEL)
        print(f"wrote {MODEL}; figures: python -m ml.af")
        return
    folds = folds_of(rows, options.seed)
    held = folds[rows.groups]
    nets = [fit_rows(rows, held != fold, options.seed) for fold in range(FOLDS)]
    probability = np.zeros(len(rows.af))
    for fold, net in enumerate(nets):
        probability[held == fold] = net.probability(rows.features[held == fold])
    report_rows(rows, probability)
    look_at(sets, nets, folds)


if __name__ == "__main__":
    main()
