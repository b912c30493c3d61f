"""Rows of intervals that teach what atrial fibrillation is and what it is not."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import wfdb
from numpy.typing import NDArray

from inference.ecg.af import FEWEST, KEPT, join_ventricular
from inference.ecg.irregularity import (
    AF_FEATURES,
    INTERVALS,
    ROOM,
    describe_irregularity,
)
from ml.af_ectopy import PATTERNS, Flags, Intervals, Real, with_pattern, with_wide_beats
from ml.data import WrongData

STEP, DAY_STEP, SPELLS = 24, 96, 220
SHORT = 0.25  # share of rows that lose their oldest intervals
LOOSE = 0.5  # share of rows whose R peaks are moved
LOOSE_S = 0.005
EXTRA = 60  # intervals more than a row needs, for patterns that make fewer
CLEAR = 0.1  # a row of mixed rhythm teaches nothing
BEAT_SYMBOLS = frozenset("NLRBAaJSVrFejnE/fQ?")
# Their S and V beats come in spells that look, and may be, fibrillation.
SVDB_DOUBTFUL = ("842", "849", "866")


class Series(NamedTuple):
    """Intervals of one record, and whether each lies in AF (NaN: flutter, unknown).

    ``ends_s`` are the times of the beats that end them.
    """

    name: str
    intervals: Intervals
    af: Real
    ends_s: Real


class Rows(NamedTuple):
    """Features [n, 42], fibrillation or not [n], the record's number [n], its kind."""

    features: Real
    af: Flags
    groups: NDArray[np.int64]
    kinds: NDArray[np.str_]


def read_series(path: Path, beats: str) -> Series:
    """Read a record's intervals; rhythms are taken from ``atr``.

    ``beats`` is the annotator of the beats. What is no interval of a heart is left
    out.
    """
    fs = float(wfdb.rdheader(str(path)).fs)
    found = wfdb.rdann(str(path), beats)
    keep = np.array([symbol in BEAT_SYMBOLS for symbol in found.symbol])
    at, symbols = np.asarray(found.sample)[keep], np.asarray(found.symbol)[keep]
    rhythm = wfdb.rdann(str(path), "atr")
    af = np.zeros(len(at))
    for sample, symbol, note in zip(
        rhythm.sample, rhythm.symbol, rhythm.aux_note, strict=True
    ):
        if symbol == "+" and note.startswith("("):
            value = {"(AFIB": 1.0, "(AFL": np.nan}.get(note.rstrip("\0"), 0.0)
            af[at >= sample] = value
    s = np.diff(at) / fs
    real = (s > 0.2) & (s < 4.0)
    wide = np.isin(symbols, list("VEF"))[1:]
    return Series(
        path.name, Intervals(s[real], wide[real]), af[1:][real], at[1:][real] / fs
    )


def read_folder(folder: Path, beats: str) -> list[Series]:
    """Read every record of a folder."""
    paths = sorted(folder.glob("*.hea"))
    if not paths:
        raise WrongData(f"no records in {folder}")
    return [read_series(path.with_suffix(""), beats) for path in paths]


def _describe(part: Intervals, most: int) -> Real:
    """Return AF_FEATURES [42] of the last intervals; NaN of too few.

    As live, the class of the beat that ends the last interval is not known.
    """
    wide = part.ventricular.copy()
    wide[-1:] = False
    joined, out = np.empty(len(part.s)), np.full(len(AF_FEATURES), np.nan)
    count = join_ventricular(part.s, wide, joined)
    if count >= FEWEST:
        row = joined[max(count - most, 0) : count]
        describe_irregularity(row, np.empty(ROOM), out)
    return out


class _Collector:
    """Gathers rows; each is moved and shortened by chance."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.parts: list[tuple[Real, bool, int, str]] = []

    def add(self, part: Intervals, af: bool, group: int, kind: str) -> None:
        rng, s = self.rng, part.s
        if rng.random() < LOOSE:
            s = s + np.diff(rng.normal(0, LOOSE_S, len(s) + 1))
        short = rng.random() < SHORT
        most = int(rng.integers(FEWEST, INTERVALS)) if short else INTERVALS
        row = _describe(Intervals(np.clip(s, 0.2, 4.0), part.ventricular), most)
        if not np.isnan(row[0]):
            self.parts.append((row, af, group, kind))

    def rows(self) -> Rows:
        features, af, groups, kinds = zip(*self.parts, strict=True)
        return Rows(*(np.array(x) for x in (features, af, groups, kinds)))


def _cut(intervals: Intervals, start: int, end: int) -> Intervals:
    return Intervals(intervals.s[start:end], intervals.ventricular[start:end])


def make_rows(
    afdb: list[Series],
    nsrdb: list[Series],
    svdb: list[Series],
    short: list[tuple[str, Series]],
    rng: np.random.Generator,
) -> Rows:
    """Cut rows of the four sets, and put patterns into those of sinus rhythm.

    ``short`` are records of training2017 with their labels, each one row. Records
    are numbered in the order given.
    """
    rows, group = _Collector(rng), 0
    for series in afdb:
        _cut_afdb(rows, series, group)
        group += 1
    for series in nsrdb:
        whole = series.intervals
        for end in range(KEPT, len(whole.s), DAY_STEP):
            rows.add(_cut(whole, end - KEPT, end), False, group, "nsrdb")
        for pattern in PATTERNS:
            for end in rng.integers(KEPT + EXTRA, len(whole.s), SPELLS):
                part = _cut(whole, end - KEPT - EXTRA, end)
                changed = with_pattern(part, pattern, rng)
                if rng.random() < 0.25:  # the spell has only begun
                    calm = int(rng.integers(INTERVALS, KEPT + EXTRA - FEWEST))
                    changed = Intervals(
                        np.concatenate((part.s[:calm], changed.s[calm:])),
                        np.concatenate(
                            (part.ventricular[:calm], changed.ventricular[calm:])
                        ),
                    )
                rows.add(changed, False, group, pattern)
        group += 1
    for series in svdb:
        for end in range(KEPT, len(series.intervals.s), STEP):
            if series.name not in SVDB_DOUBTFUL:
                part = _cut(series.intervals, end - KEPT, end)
                rows.add(part, False, group, "svdb")
        group += 1
    for label, series in short:
        if label in "NOA" and len(series.intervals.s) > FEWEST:
            rows.add(series.intervals, label == "A", group, f"short{label}")
        group += 1
    return rows.rows()


def _cut_afdb(rows: _Collector, series: Series, group: int) -> None:
    rng, whole = rows.rng, series.intervals
    for end in range(KEPT, len(whole.s), STEP):
        share = series.af[end - INTERVALS : end].mean()
        part = _cut(whole, end - KEPT, end)
        if share > 1 - CLEAR:
            rows.add(part, True, group, "afdbA")
            kind = rng.choice(["missed", "false", "wide"])
            if rng.random() < SHORT:
                changed = (
                    with_wide_beats(part, rng)
                    if kind == "wide"
                    else with_pattern(part, str(kind), rng)
                )
                rows.add(changed, True, group, f"{kind}A")
        elif share < CLEAR:
            rows.add(part, False, group, "afdbN")
            if rng.random() < SHORT:
                pattern = str(rng.choice(PATTERNS))
                rows.add(with_pattern(part, pattern, rng), False, group, pattern)
