"""Thousands of people without beat labels, as examples of beats that are not ectopic.

In a record of the PhysioNet/CinC 2017 set that is labelled normal as a whole, nearly
every beat is normal: what looks early or wide there is another person's usual self,
or noise. In one that is labelled as fibrillation nearly every beat is a conducted one,
however early it comes.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import wfdb

from ml.data import Record, to_250_hz
from ml.examples import Examples, band_of, describe, join, sequence_of
from ml.found import Find

FEWEST = 8  # beats of a record
LOUDEST_MV = 15.0
KIND_OF = {"N": "people", "A": "fibrillation"}


def people(data: Path, label: str, count: int, find: Find, seed: int) -> Examples:
    """Describe the beats of ``count`` records labelled N or A, drawn by ``seed``.

    ``find`` gives their R peaks. All beats are taken for N.
    """
    folder = data / "training2017"
    with open(folder / "REFERENCE.csv") as file:
        names = sorted(name for name, said in csv.reader(file) if said == label)
    parts: list[Examples] = []
    for k in np.random.default_rng(seed).permutation(len(names)):
        if len(parts) == count:
            break
        record = wfdb.rdrecord(str(folder / names[k]))
        mv = to_250_hz(np.nan_to_num(record.p_signal[:, 0]), int(record.fs))
        none = np.zeros(0)
        band = band_of(Record(names[k], mv, none, none.astype(np.uint8)))
        at = find(band)
        if len(at) < FEWEST or np.abs(band).max() > LOUDEST_MV:
            continue
        normal = np.zeros(len(at), dtype=np.uint8)
        parts.append(describe(sequence_of(band, at, normal), int(k), KIND_OF[label]))
    return join(parts)
