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
import tensorflow as tf

from inference.r_peak_net import RPeakNet
from ml.data import (
    DS1,
    SAME_PERSON_AS_202,
    check_counts,
    data_folder,
    read_mitdb,
    read_record,
    read_svdb,
)
from ml.r_peak_cross import cross_validate
from ml.r_peak_data import Track, track_of
from ml.r_peak_export import export, to_litert
from ml.r_peak_fit import fit
from ml.r_peak_labels import label, read_bands, read_rhythms
from ml.r_peak_noise import read_noises, vary

SEED = 0
TEACHER_STEPS = 2000
STEPS = 3000  # of each round,
ROUNDS = 2  # which labels training2017 with the net of the round before
ARTIFACTS = Path("inference/artifacts")
# Of the windows drawn: first and second leads of DS1, svdb, training2017. The teacher
# has no labels for the last.
TEACHER_SHARES = (0.52, 0.13, 0.35)
SHARES = (0.35, 0.10, 0.24, 0.31)


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
    noises, unheard = read_noises(data, options.seed)
    bands, rhythms = read_bands(data), read_rhythms(data)
    print(f"read after {time.monotonic() - started:.0f} s", flush=True)

    def teach(sets: list[list[Track]], seed: int) -> keras.Model:
        shares = list(zip(TEACHER_SHARES, sets, strict=True))
        net = fit(shares, noises, steps=TEACHER_STEPS, seed=seed)
        heard = noises
        for again in range(ROUNDS):
            asked = RPeakNet(to_litert(net), {"version": "teacher"})
            labelled = [label(asked, name, band) for name, band in bands.items()]
            print(f"labelled after {time.monotonic() - started:.0f} s", flush=True)
            if again:
                unreadable = [t for t in labelled if rhythms[t.name] == "~"]
                heard = vary(noises, unreadable, seed)
            shares = list(zip(SHARES, [*sets, labelled], strict=True))
            net = fit(
                shares, heard, steps=options.steps, seed=seed + 1 + again, start=net
            )
        return net

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
            "without_labels": f"training2017, {len(bands)} records, labelled where the "
            "net of the round before and the classical detector agree",
            "noise": "first half of nstdb em ma bw, both leads, and synthetic noise; "
            "in the last round varied, with parts of unreadable training2017 records",
            "steps": [TEACHER_STEPS, *[options.steps] * ROUNDS],
            "seed": options.seed,
        },
    )
    print(f"trained and exported after {time.monotonic() - started:.0f} s")
    print("figures: python -m ml.r_peak_train --folds 4")


if __name__ == "__main__":
    main()
