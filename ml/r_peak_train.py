"""Train the R-peak net on DS1 and svdb, and write the artifact that the server runs.

``python -m ml.r_peak_train --data DIR`` makes the release;
``--folds 4`` prints patient-grouped cross-validation on DS1 and svdb instead.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
import wfdb
from numpy.typing import NDArray

from inference.r_peak_net import RPeakNet
from ml.data import (
    DS1,
    FS,
    SAME_PERSON_AS_202,
    check_counts,
    data_folder,
    read_mitdb,
    read_record,
    read_svdb,
    to_250_hz,
)
from ml.r_peak_augment import synthetic_noise
from ml.r_peak_cross import cross_validate
from ml.r_peak_data import Track, band_of, track_of
from ml.r_peak_export import export, to_litert
from ml.r_peak_fit import fit
from ml.r_peak_labels import label, read_bands

SEED = 0
TEACHER_STEPS = 2000
STEPS = 3000
ARTIFACTS = Path("inference/artifacts")
# Of the windows drawn: first and second leads of DS1, svdb, training2017. The teacher
# has no labels for the last.
TEACHER_SHARES = (0.52, 0.13, 0.35)
SHARES = (0.35, 0.10, 0.24, 0.31)
CHANCES = {"em": 0.4, "ma": 0.3, "bw": 0.1}
SYNTHETIC, SYNTHETIC_S = 0.2, 900


def read_tracks(data: Path, left_out: str | None) -> list[list[Track]]:
    """Return first and second leads of DS1, and both leads of svdb."""
    names = [name for name in DS1 if name != left_out]
    check_counts(read_mitdb(data, DS1), "DS1")
    leads = [
        [track_of(read_record(data / "mitdb" / name, lead), name) for name in names]
        for lead in (0, 1)
    ]
    svdb = [track_of(record, record.name.split("/")[0]) for record in read_svdb(data)]
    return [*leads, svdb]


def noises_of(
    data: Path, seed: int
) -> tuple[list[NDArray[np.float32]], NDArray[np.float64], NDArray[np.float32]]:
    """Return noises of unit variance behind the band filter, and their chances.

    Third comes noise for tests, which training never hears: the later half of em.
    """
    noises, chances, unheard = [], [], []
    for name, chance in CHANCES.items():
        for lead in (0, 1):
            path = str(data / "nstdb" / name)
            record = wfdb.rdrecord(path, channels=[lead])
            mv = to_250_hz(record.p_signal[:, 0], int(record.fs))
            band = band_of(mv - mv.mean(), FS)
            band = (band / band.std()).astype(np.float32)
            noises.append(band[: len(band) // 2])
            unheard.append(band[len(band) // 2 :])
            chances.append(chance / 2)
    noises.append(synthetic_noise(np.random.default_rng(seed), SYNTHETIC_S))
    return noises, np.array([*chances, SYNTHETIC]), unheard[0]


def main() -> None:
    """Train and export, or cross-validate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of records (default TELECARDIO_DATA)")
    parser.add_argument("--output", type=Path, default=ARTIFACTS)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--folds", type=int, default=0, help="cross-validate instead")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    # Keras does not compile where determinism is asked for; one thread gives it.
    data = data_folder(options.data)
    started = time.monotonic()
    left_out = None if options.folds else SAME_PERSON_AS_202
    sets = read_tracks(data, left_out)
    noises, chances, unheard = noises_of(data, options.seed)
    bands = read_bands(data)
    print(f"read after {time.monotonic() - started:.0f} s", flush=True)

    def teach(sets: list[list[Track]], seed: int) -> keras.Model:
        shares = zip(TEACHER_SHARES, sets, strict=True)
        teacher = fit(list(shares), noises, chances, steps=TEACHER_STEPS, seed=seed)
        net = RPeakNet(to_litert(teacher), {"version": "teacher"})
        labelled = [label(net, name, band) for name, band in bands.items()]
        print(f"labelled after {time.monotonic() - started:.0f} s", flush=True)
        shares = zip(SHARES, [*sets, labelled], strict=True)
        return fit(
            list(shares),
            noises,
            chances,
            steps=options.steps,
            seed=seed + 1,
            start=teacher,
        )

    def teach_and_convert(sets: list[list[Track]], seed: int) -> RPeakNet:
        return RPeakNet(to_litert(teach(sets, seed)), {"version": "fold"})

    if options.folds:
        cross_validate(sets, teach_and_convert, unheard, options.folds, options.seed)
        return
    model = teach(sets, options.seed)
    export(
        model,
        options.output,
        training={
            "records": sorted({track.patient for track in sets[0]}),
            "other_sets": ["svdb, both leads", "second leads of DS1"],
            "without_labels": f"training2017, {len(bands)} records, labelled where a "
            "first net and the classical detector agree",
            "noise": "first half of nstdb em ma bw, both leads, and synthetic noise",
            "steps": [TEACHER_STEPS, options.steps],
            "seed": options.seed,
        },
    )
    print(f"trained and exported after {time.monotonic() - started:.0f} s")
    print("figures: python -m ml.r_peak_train --folds 4")


if __name__ == "__main__":
    main()
