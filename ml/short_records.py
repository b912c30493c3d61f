"""The records of the PhysioNet/CinC Challenge 2017, as the released analysis sees them.

7,028 records of a hand-held device, 9 to 61 s, 300 Hz, each of another person or
day, labelled as a whole: N normal, A atrial fibrillation, O other rhythm, ~ noise.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import wfdb
from numpy.typing import NDArray

from inference.classifier import load_classifier
from inference.ecg import finish, initial_state
from inference.ecg.rhythm_window import describe_window
from inference.ecg.types import CLASSES, Analysis, Beats, Nets, Signal
from inference.r_peak_net import load_r_peak_net
from ml.af_ectopy import Intervals
from ml.data import WrongData

FOLDER = "training2017"
LABELS = "NAO~"
AT_ONCE = 64
WIDE = [CLASSES.index("V"), CLASSES.index("F")]


class ShortRecord(NamedTuple):
    """One record: its label, its features by name, its intervals."""

    name: str
    label: str
    features: dict[str, float]
    intervals: Intervals


def read_labels(data: Path) -> list[tuple[str, str]]:
    """Return the name and label of every record."""
    path = data / FOLDER / "REFERENCE.csv"
    if not path.exists():
        raise WrongData(f"no {path}: get training2017 of challenge-2017 of PhysioNet")
    with path.open() as lines:
        return [(name, label) for name, label in csv.reader(lines)]


def read_signal(path: Path) -> tuple[Signal, int]:
    """Return a record's signal in mV and its sampling frequency."""
    record = wfdb.rdrecord(str(path))
    return np.nan_to_num(record.p_signal[:, 0]).astype(np.float32), int(record.fs)


def intervals_of(beats: Beats) -> Intervals:
    """Return the known intervals in s."""
    known = ~np.isnan(beats.rr_ms)
    wide = np.isin(beats.classes, WIDE)
    return Intervals(beats.rr_ms[known].astype(np.float64) / 1000, wide[known])


class Analysed(NamedTuple):
    """One record: its label, its signal in mV at ``fs`` Hz, what was found in it."""

    name: str
    label: str
    mv: Signal
    fs: int
    analysis: Analysis


def analysed(data: Path) -> Iterator[Analysed]:
    """Analyse every record with the released nets."""
    nets = Nets(classify=load_classifier(), detect=load_r_peak_net())
    labels = read_labels(data)
    for start in range(0, len(labels), AT_ONCE):
        rows = labels[start : start + AT_ONCE]
        signals = [read_signal(data / FOLDER / name) for name, _ in rows]
        states = [initial_state(fs=fs) for _, fs in signals]
        found = finish(states, [mv for mv, _ in signals], nets=nets)
        for (name, label), (mv, fs), analysis in zip(rows, signals, found, strict=True):
            yield Analysed(name, label, mv, fs, analysis)


def read_short_records(data: Path) -> Iterator[ShortRecord]:
    """Analyse every record with the released nets and describe it."""
    for name, label, mv, fs, analysis in analysed(data):
        beats = analysis.beats
        features = describe_window(
            mv, fs, beats.samples, beats.probabilities, beats.rr_ms
        )
        yield ShortRecord(name, label, features, intervals_of(beats))


class Described(NamedTuple):
    """Features float32[n, F] and their names, labels [n] as indices of LABELS."""

    features: NDArray[np.float32]
    names: list[str]
    labels: NDArray[np.int64]


def describe_all(data: Path, cache: Path | None = None) -> Described:
    """Describe every record, or read what an earlier call left in ``cache``."""
    if cache is not None and cache.exists():
        with np.load(cache) as kept:
            return Described(kept["features"], kept["names"].tolist(), kept["labels"])
    records = list(read_short_records(data))
    rows = [list(record.features.values()) for record in records]
    described = Described(
        np.array(rows, np.float32),
        list(records[0].features),
        np.array([LABELS.index(record.label) for record in records]),
    )
    if cache is not None:
        np.savez_compressed(cache, **described._asdict())
    return described
