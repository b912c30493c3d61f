"""Train the probability of atrial fibrillation from intervals.

``python -m ml.af --data DIR`` prints record-grouped cross-validation: rows of every
kind, records of training2017 by intervals, by what lies between the beats
(``ml.atrial``) and by both, and durations on afdb, nsrdb and svdb by a threshold and
by live episodes; ``--write`` puts the net into the analysis. No mitdb record is read.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.ecg.af import atrial_log_odds
from inference.ecg.grid import GRID_FS
from inference.ecg.types import CLASSES
from ml.af_durations import Lead, report_durations
from ml.af_ectopy import Flags, Intervals, Real
from ml.af_net import Net, fit, write
from ml.af_rows import SVDB_DOUBTFUL, Rows, Series, make_rows, read_folder
from ml.atrial import cross_validate, means_of, report_separation
from ml.atrial_rows import AtrialRows, read_short_set
from ml.believing import evidence_of
from ml.data import data_folder, read_svdb
from ml.examples import Examples, examples_of

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
WIDE = [CLASSES.index("V"), CLASSES.index("F")]
F_WAVES = -0.5  # atrial evidence of a Holter lead with f waves of 0.05 mV
MODEL = Path("inference/ecg/af_model.py")
TITLE = "The net that gives the probability of atrial fibrillation."
SOURCE = (
    "Written by ``python -m ml.af --write`` from intervals of the MIT-BIH Atrial",
    "Fibrillation, Normal Sinus Rhythm and Supraventricular Arrhythmia Databases,",
    "and of the PhysioNet/CinC Challenge 2017 (PhysioNet, ODC-By).",
)


class Sets(NamedTuple):
    """The records of the four sets; the last with labels, and rows of its beats."""

    afdb: list[Series]
    nsrdb: list[Series]
    svdb: list[Series]
    short: list[tuple[str, Series]]
    atrial: AtrialRows


def read_sets(data: Path, seed: int) -> Sets:
    """Read all intervals; those of training2017 come from the released analysis."""
    found = read_short_set(data, seed)
    nothing = np.zeros(0)
    short = [
        (str(label), Series(str(number), intervals, nothing, nothing))
        for number, (label, intervals) in enumerate(
            zip(found.atrial.labels, found.intervals, strict=True)
        )
    ]
    return Sets(
        read_folder(data / "afdb_annotations", "qrs"),
        read_folder(data / "nsrdb_annotations", "atr"),
        read_folder(data / "svdb", "atr"),
        short,
        found.atrial,
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


def report_short(sets: Sets, rows: Rows, score: Real, seed: int) -> None:
    """Print how well records of training2017 are told by either, and by both."""
    first = len(sets.afdb) + len(sets.nsrdb) + len(sets.svdb)
    by_intervals = np.full(len(sets.short), np.nan)
    inside = rows.groups >= first
    by_intervals[rows.groups[inside] - first] = score[inside]
    evidence = means_of(sets.atrial, cross_validate(sets.atrial, seed))
    both = by_intervals + np.array([atrial_log_odds(value) for value in evidence])
    labels = sets.atrial.labels
    report_separation("intervals", labels, by_intervals)
    report_separation("between the beats", labels, evidence)
    report_separation("both", labels, both)


def lead_of(beats: Examples) -> Lead:
    """Return the intervals of a lead of svdb, and its atrial evidence."""
    known = ~np.isnan(beats.pre_s)
    wide = np.isin(beats.classes, WIDE)
    series = Series(
        "",
        Intervals(beats.pre_s[known], wide[known]),
        np.zeros(int(known.sum())),
        beats.steps[known] / GRID_FS,
    )
    return Lead(series, evidence_of(beats)[known])


def look_at(sets: Sets, nets: list[Net], folds: NDArray[np.int64], data: Path) -> None:
    """Print durations of every set, each record judged by a net that never saw it.

    The atrial evidence of svdb is that of the net in the analysis, which learned
    nothing from svdb. That of afdb is unknown, or taken for that of f waves.
    """
    own = [nets[fold] for fold in folds]
    for name, members, start, evidence in (
        ("afdb", sets.afdb, 0, np.nan),
        ("afdb, f waves", sets.afdb, 0, F_WAVES),
        ("nsrdb", sets.nsrdb, len(sets.afdb), np.nan),
    ):
        leads = [Lead(s, np.full(len(s.ends_s), evidence)) for s in members]
        report_durations(name, leads, own[start : start + len(members)])
    by_name = {
        series.name: own[len(sets.afdb) + len(sets.nsrdb) + k]
        for k, series in enumerate(sets.svdb)
    }
    for k in ("0", "1"):
        records = [
            (record, by_name[record.name[:-2]])
            for record in read_svdb(data)
            if record.name.endswith(k) and record.name[:-2] not in SVDB_DOUBTFUL
        ]
        leads = [lead_of(examples_of(record)) for record, _ in records]
        without = [Lead(x.series, np.full(len(x.evidence), np.nan)) for x in leads]
        judges = [net for _, net in records]
        report_durations(f"svdb lead {k}, intervals alone", without, judges)
        report_durations(f"svdb lead {k}", leads, judges)


def main() -> None:
    """Cross-validate, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of the databases")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", action="store_true", help="train and write only")
    options = parser.parse_args()
    data = data_folder(options.data)
    sets = read_sets(data, options.seed)
    rows = make_rows(*sets[:4], np.random.default_rng(options.seed))
    print(f"{len(rows.af)} rows of {int(rows.groups.max()) + 1} records")
    if options.write:
        net = fit_rows(rows, np.ones(len(rows.af), bool), options.seed)
        write(net, MODEL, "AF_NET", (TITLE, *SOURCE))
        print(f"wrote {MODEL}; figures: python -m ml.af")
        return
    folds = folds_of(rows, options.seed)
    held = folds[rows.groups]
    nets = [fit_rows(rows, held != fold, options.seed) for fold in range(FOLDS)]
    score = np.zeros(len(rows.af))
    for fold, net in enumerate(nets):
        score[held == fold] = net.score(rows.features[held == fold])
    report_rows(rows, 1 / (1 + np.exp(-score)))
    report_short(sets, rows, score, options.seed)
    look_at(sets, nets, folds, data)


if __name__ == "__main__":
    main()
