"""Cross-validation of the beat nets: no net sees the patient it is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from inference.ecg import CLASSES
from ml.believing import believed
from ml.calibration import calibrated, fit_temperature, reliability
from ml.examples import KINDS, Examples, join
from ml.judge.beats import MISSED, Matrix
from ml.score import figures, table
from ml.spread import spread
from ml.training_set import STRANGERS, TrainingSet

S, V = CLASSES.index("S"), CLASSES.index("V")
FUSION_RECORD = "208"  # holds nine of ten F of DS1
MADE = ("noisy", "people", "fibrillation", "fusion", "ectopy", "sinus")
BESIDE = {"fusion": ("between",)}  # what a net that goes from beat to beat must see
STRANGERS_CALLED = {"people": "normal people", "fibrillation": "fibrillation"}
Ask = Callable[[Examples], NDArray[np.float32]]
Teach = Callable[[Examples, int], Ask]
LIKE_MITDB = 0.5  # weight of mitdb's beats in the calibration, svdb's have the rest


def fold_of(beats: TrainingSet, folds: int, seed: int = 0) -> NDArray[np.int64]:
    """Return the fold of each lead: by patient, either database shared out evenly."""
    rng = np.random.default_rng(seed)
    patients = [beats.patient(k) for k in range(len(beats.leads))]
    fold: dict[str, int] = {}
    for group in ("12", "8"):
        names = sorted({name for name in patients if name[0] in group})
        for k, at in enumerate(rng.permutation(len(names))):
            fold[names[at]] = k % folds
    return np.array([fold[name] for name in patients])


def confusion(classes: NDArray[np.uint8], said: NDArray[np.float32]) -> Matrix:
    """Return the confusion matrix [6, 6] of beats, none of them missed."""
    matrix = np.zeros((MISSED + 1, MISSED + 1), dtype=np.int64)
    np.add.at(matrix, (classes, said.argmax(axis=1)), 1)
    return matrix


def report(
    beats: TrainingSet, said: list[NDArray[np.float32]], title: str
) -> dict[str, float]:
    """Print the figures of every lead's probabilities, the first lead of DS1 first.

    Returns those that a try is judged by, as shares.
    """
    shown: dict[str, float] = {}
    found = [
        confusion(part.classes, believed(part, own))
        for part, own in zip(beats.clean, said, strict=True)
    ]
    groups = {"DS1": "12", "svdb": "8"}
    for name, first in groups.items():
        per_patient: dict[str, Matrix] = {}
        for k, lead in enumerate(beats.leads):
            if lead[0] in first and (name == "svdb" or lead.endswith("/0")):
                empty = np.zeros_like(found[k])
                patient = beats.patient(k)
                per_patient[patient] = per_patient.get(patient, empty) + found[k]
        pooled = figures(sum(per_patient.values(), np.zeros_like(found[0])))
        each = [figures(matrix)["S"] for matrix in per_patient.values()]
        mean = np.mean([row["f1"] or 0.0 for row in each if row["n"]])
        print(f"{title}, {name}: {table(pooled)}, S patient mean {mean:.3f}")
        shown[f"{name} S F1"] = pooled["S"]["f1"] or 0.0
        shown[f"{name} S F1, patient mean"] = float(mean)
        shown[f"{name} V F1"] = pooled["V"]["f1"] or 0.0
        shown[f"{name} V Se"] = (pooled["V"]["se"] or 0.0) / 100
        shown[f"{name} V +P"] = (pooled["V"]["ppv"] or 0.0) / 100
        if FUSION_RECORD in per_patient:
            fused = figures(per_patient[FUSION_RECORD])["F"]
            print(f"{title}, {FUSION_RECORD}: F {fused}", flush=True)
            shown[f"{FUSION_RECORD} F F1"] = fused["f1"] or 0.0
    return shown


def cross_validate(
    beats: TrainingSet, teach: Teach, *, folds: int, seeds: Iterable[int]
) -> None:
    """Print figures seed by seed, their spread, the calibration.

    Also those of the mean probabilities of all seeds. ``teach`` is given beats and a
    seed and returns what then gives the probabilities [n, 5] of whole leads.
    """
    fold = fold_of(beats, folds)
    total = [np.zeros((len(part), len(CLASSES)), np.float32) for part in beats.clean]
    each: list[dict[str, float]] = []
    for seed in seeds:
        said = [np.zeros_like(rows) for rows in total]
        made = {kind: np.zeros((MISSED + 1, MISSED + 1), np.int64) for kind in MADE}
        for k in range(folds):
            out = np.flatnonzero(fold == k)
            held = np.isin(beats.examples.records, out)
            strangers = beats.examples.records >= STRANGERS
            held |= strangers & (beats.examples.records % folds == k)
            inside = beats.examples.take(~held)
            ask = teach(inside, seed)
            asked = ask(join([beats.clean[at] for at in out]))
            ends = np.cumsum([len(beats.clean[at]) for at in out])
            for at, rows in zip(out, np.split(asked, ends[:-1]), strict=True):
                said[at] = rows
            for kind, matrix in made.items():
                kinds = [KINDS.index(name) for name in (kind, *BESIDE.get(kind, ()))]
                part = beats.examples.take(held & np.isin(beats.examples.kinds, kinds))
                own = part.kinds == kinds[0]
                matrix += confusion(part.classes[own], ask(part)[own])
        for kind, matrix in made.items():
            print(f"seed {seed}, made-up {kind}: {table(figures(matrix))}")
        for rows, own in zip(total, said, strict=True):
            rows += own
        shown = report(beats, said, f"seed {seed}")
        shown["takeover S F1"] = figures(made["ectopy"])["S"]["f1"] or 0.0
        shown["noisy V +P"] = (figures(made["noisy"])["V"]["ppv"] or 0.0) / 100
        for kind, name in STRANGERS_CALLED.items():
            called = made[kind].sum(axis=0) / max(made[kind].sum(), 1)
            for at in (S, V):
                shown[f"{name}, called {CLASSES[at]}"] = float(called[at])
        each.append(shown)
    mean = [rows / len(each) for rows in total]
    report(beats, mean, f"{len(each)} nets together")
    _calibrate(beats, mean)
    print(spread(each))


def _calibrate(beats: TrainingSet, mean: list[NDArray[np.float32]]) -> None:
    classes = np.concatenate([part.classes for part in beats.clean])
    leads = np.repeat(beats.leads, [len(part) for part in beats.clean])
    said = np.concatenate(mean).astype(np.float64)
    mitdb = np.char.startswith(leads, "8") == 0
    first = np.char.endswith(leads, "/0")
    of_mitdb, of_svdb = LIKE_MITDB / mitdb.sum(), (1 - LIKE_MITDB) / (~mitdb).sum()
    weights = np.where(mitdb, of_mitdb, of_svdb)
    temperature = fit_temperature(said, classes, weights * first)
    print(f"temperature {temperature:.2f}")
    after = calibrated(said, temperature)
    for name, rows in (("as they are", said), ("calibrated", after)):
        for group, own in (("DS1", mitdb), ("svdb", ~mitdb)):
            error, bins = reliability(rows[own & first], classes[own & first])
            print(f"{group}, {name}: calibration error {error}, bins {bins}")
