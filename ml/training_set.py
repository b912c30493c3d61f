"""All beats that train the beat nets, and which patient each is from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ml.augment import add_noise
from ml.data import (
    DS1,
    SAME_PERSON_AS_202,
    Record,
    check_counts,
    read_mitdb,
    read_noise,
    read_record,
    read_svdb,
)
from ml.examples import Examples, annotated, describe, join
from ml.found import Find, found_in
from ml.people import people
from ml.synthetic import ectopy_of, fusion_of, sinus_of

# Records of nobody in the folds are numbered from here on, normal people and, so much
# farther, those in fibrillation.
STRANGERS = 100_000


@dataclass(frozen=True)
class TrainingSet:
    """``examples`` that train; ``clean`` leads as they are, by their index.

    ``leads`` names each lead "record/lead".
    """

    examples: Examples
    clean: list[Examples]
    leads: list[str]

    def patient(self, index: int) -> str:
        """Return whose lead this is."""
        return self.leads[index].split("/")[0]


def read_leads(data: Path) -> list[tuple[str, Record]]:
    """Return DS1 without record 201 and svdb, both leads, as (kind, record)."""
    ds1 = read_mitdb(data, DS1)
    check_counts(ds1, "DS1")
    leads = []
    for first in ds1:
        if first.name == SAME_PERSON_AS_202:
            continue
        second = read_record(data / "mitdb" / first.name, 1)
        for k, record in enumerate((first, second)):
            leads.append(("mitdb", replace(record, name=f"{record.name}/{k}")))
    return leads + [("svdb", record) for record in read_svdb(data)]


def training_set(
    data: Path, find: Find, *, noise: int, strangers: tuple[int, int], seed: int
) -> TrainingSet:
    """Describe everything.

    ``find`` gives R peaks where nobody annotated them: in ``noise`` noisy copies of
    each first lead, and in as many records as ``strangers`` says of normal people and
    of people in fibrillation.
    """
    rng = np.random.default_rng(seed)
    noises = read_noise(data)
    clean: list[Examples] = []
    more: list[Examples] = []
    leads: list[str] = []
    for k, (kind, record) in enumerate(read_leads(data)):
        beats = annotated(record)
        clean.append(describe(beats, k, kind))
        leads.append(record.name)
        made = [make(beats, rng, k) for make in (fusion_of, ectopy_of, sinus_of)]
        more += [part for part in made if part is not None]
        if record.name.endswith("/0"):
            for _ in range(noise):
                more.append(found_in(add_noise(record, noises, rng), find, k))
    for k, (label, count) in enumerate(zip("NA", strangers, strict=True)):
        if count:
            part = people(data, label, count, find, seed)
            number = part.records + (k + 1) * STRANGERS
            more.append(replace(part, records=number))
    return TrainingSet(join([*clean, *more]), clean, leads)
