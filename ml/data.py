"""The records that train and test, read as the analysis will see them: at 250 Hz.

``python -m ml.data download --data DIR`` fetches them from PhysioNet.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray
from scipy.signal import resample_poly

from inference.ecg import CLASSES

FS = 250
DS1 = [
    "101",
    "106",
    "108",
    "109",
    "112",
    "114",
    "115",
    "116",
    "118",
    "119",
    "122",
    "124",
    "201",
    "203",
    "205",
    "207",
    "208",
    "209",
    "215",
    "220",
    "223",
    "230",
]
DS2 = [
    "100",
    "103",
    "105",
    "111",
    "113",
    "117",
    "121",
    "123",
    "200",
    "202",
    "210",
    "212",
    "213",
    "214",
    "219",
    "221",
    "222",
    "228",
    "231",
    "232",
    "233",
    "234",
]
PACED = ["102", "104", "107", "217"]
SAME_PERSON_AS_202 = "201"  # left out of every training that is tested on DS2
COUNTS = {  # N S V F Q, as published for this split
    "DS1": (45866, 944, 3788, 415, 8),
    "DS2": (44259, 1837, 3221, 388, 7),
}
AAMI = {
    **dict.fromkeys("NLRej", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VE", "V"),
    "F": "F",
    **dict.fromkeys("/fQ", "Q"),
}
DATABASES = ("mitdb", "svdb", "nstdb")
ANNOTATIONS = {"afdb": ("hea", "atr", "qrs"), "nsrdb": ("hea", "atr")}  # no signals


class WrongData(ValueError):
    """Raised when records are absent or are not the published ones."""


@dataclass(frozen=True)
class Record:
    """One lead at 250 Hz, in mV, with its reference beats.

    ``samples`` (at 250 Hz, with fractions) and ``classes`` (index into CLASSES)
    belong together; ``flutter`` holds [start, end) spans without beat labels.
    """

    name: str
    mv: NDArray[np.float32]
    samples: NDArray[np.float64]
    classes: NDArray[np.uint8]
    flutter: tuple[tuple[float, float], ...] = ()


def data_folder(given: str | None = None) -> Path:
    """Return the folder of the databases, or say how to get them."""
    folder = Path(given or os.environ.get("TELECARDIO_DATA") or "../shared/data")
    if not (folder / "mitdb").is_dir():
        raise WrongData(
            f"no mitdb in {folder}: give --data or TELECARDIO_DATA, "
            "or run `python -m ml.data download --data DIR`"
        )
    return folder


def to_250_hz(signal: NDArray[np.float64], fs: int) -> NDArray[np.float32]:
    """Resample a signal [n] from ``fs`` Hz to 250 Hz without shift."""
    common = gcd(FS, fs)
    return resample_poly(signal, FS // common, fs // common).astype(np.float32)


def read_beats(path: Path) -> list[tuple[int, int]]:
    """Return (sample at the record's own fs, index into CLASSES) of each beat."""
    annotation = wfdb.rdann(str(path), "atr")
    return [
        (int(sample), CLASSES.index(AAMI[symbol]))
        for sample, symbol in zip(annotation.sample, annotation.symbol, strict=True)
        if symbol in AAMI
    ]


def read_flutter(path: Path) -> list[int]:
    """Return the samples where ventricular flutter starts and ends, in turn."""
    annotation = wfdb.rdann(str(path), "atr")
    return [
        int(sample)
        for sample, symbol in zip(annotation.sample, annotation.symbol, strict=True)
        if symbol in "[]"
    ]


def read_record(path: Path, lead: int = 0) -> Record:
    """Read one lead of a WFDB record and its ``atr`` beats."""
    record = wfdb.rdrecord(str(path), channels=[lead])
    scale = FS / record.fs
    beats = read_beats(path)
    flutter = [sample * scale for sample in read_flutter(path)]
    return Record(
        name=path.name,
        mv=to_250_hz(np.nan_to_num(record.p_signal[:, 0]), int(record.fs)),
        samples=np.array([sample * scale for sample, _ in beats]),
        classes=np.array([aami for _, aami in beats], dtype=np.uint8),
        flutter=tuple(zip(flutter[::2], flutter[1::2], strict=True)),
    )


def read_mitdb(data: Path, names: list[str]) -> list[Record]:
    """Read the first signal of records of the MIT-BIH Arrhythmia Database."""
    return [read_record(data / "mitdb" / name) for name in names]


def read_svdb(data: Path) -> list[Record]:
    """Read both leads of the supraventricular database as separate records.

    Its headers may declare no gain: each lead is brought to about 1 mV.
    """
    records = []
    for path in sorted((data / "svdb").glob("*.hea")):
        for lead in (0, 1):
            record = read_record(path.with_suffix(""), lead)
            spread = np.percentile(np.abs(np.diff(record.mv)), 99) * 10
            mv = (record.mv / max(float(spread), 1e-6)).astype(np.float32)
            name = f"{record.name}/{lead}"
            records.append(Record(name, mv, record.samples, record.classes))
    return records


def read_noise(data: Path) -> dict[str, list[NDArray[np.float32]]]:
    """Read both leads of the noises ``em ma bw`` at 250 Hz, each of unit variance.

    Only their first halves: the second ones judge (``ml.judge.noise``).
    """
    noises: dict[str, list[NDArray[np.float32]]] = {}
    for name in ("em", "ma", "bw"):
        both = wfdb.rdrecord(str(data / "nstdb" / name)).p_signal
        for signal in both[: len(both) // 2].T:
            noise = to_250_hz(signal, 360)
            unit = ((noise - noise.mean()) / noise.std()).astype(np.float32)
            noises.setdefault(name, []).append(unit)
    return noises


def count(records: list[Record]) -> tuple[int, ...]:
    """Return how many beats of each class the records hold."""
    classes = np.concatenate([record.classes for record in records])
    return tuple(np.bincount(classes, minlength=len(CLASSES)).tolist())


def check_counts(records: list[Record], split: str) -> None:
    """Raise unless the beats of a split are the published ones."""
    found = count(records)
    if found != COUNTS[split]:
        raise WrongData(f"{split} has {found} beats of {CLASSES}, not {COUNTS[split]}")


def main() -> None:
    """Download the databases."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("command", choices=["download"])
    parser.add_argument("--data", required=True, help="folder to write to")
    arguments = parser.parse_args()
    for name in DATABASES:
        wfdb.dl_database(name, str(Path(arguments.data) / name))
    for name, endings in ANNOTATIONS.items():
        folder = Path(arguments.data) / f"{name}_annotations"
        folder.mkdir(parents=True, exist_ok=True)
        records = wfdb.get_record_list(name)
        wfdb.dl_files(name, str(folder), [f"{r}.{e}" for r in records for e in endings])


if __name__ == "__main__":
    main()
