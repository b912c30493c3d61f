"""Train the beat CNN on DS1 and svdb, and write the artifact that the server runs.

``python -m ml.train`` makes the release with all its figures;
``python -m ml.train --folds 4`` prints patient-grouped cross-validation on DS1.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from inference.ecg.af import gate
from ml.augment import add_noise
from ml.card_file import write_figures
from ml.data import (
    DS1,
    SAME_PERSON_AS_202,
    Record,
    check_counts,
    data_folder,
    read_mitdb,
    read_noise,
    read_svdb,
)
from ml.evaluate import evaluate
from ml.examples import Examples, examples_of, join
from ml.export import export
from ml.fit import OTHER_SET, fit, predict
from ml.score import MISSED, figures, table

SEED = 0
EPOCHS = 12
BEATS = 24_000  # drawn per epoch
ARTIFACTS = Path("inference/artifacts")


def with_noise(
    records: list[Record], data: Path, copies: int, seed: int, first: int = 0
) -> Examples:
    """Describe records as they are, and ``copies`` times with bursts of noise.

    Records are numbered from ``first`` on.
    """
    rng = np.random.default_rng(seed)
    noises = read_noise(data) if copies else {}
    parts = [examples_of(r, first + k) for k, r in enumerate(records)]
    for _ in range(copies):
        for k, record in enumerate(records):
            parts.append(examples_of(add_noise(record, noises, rng), first + k))
    return join(parts)


def cross_validate(
    records: list[Record], extra: list[Record], data: Path, options: argparse.Namespace
) -> None:
    """Print figures of beats of DS1 from nets that never saw their record."""
    clean = [examples_of(record, k) for k, record in enumerate(records)]
    more = [with_noise(extra, data, 0, options.seed, OTHER_SET)] if extra else []
    for seed in range(options.seed, options.seed + options.seeds):
        noisy = with_noise(records, data, options.noise, seed)
        matrix = np.zeros((MISSED + 1, MISSED + 1), dtype=np.int64)
        order = np.random.default_rng(seed).permutation(len(records))
        for fold in range(options.folds):
            out = order[fold :: options.folds]
            inside = noisy.take(~np.isin(noisy.records, out))
            model = fit(
                join([inside, *more]),
                epochs=options.epochs,
                beats=BEATS,
                seed=seed,
            )
            for k in out:
                gated = gate(predict(model, clean[k]), clean[k].af)
                said = gated.argmax(axis=1)
                one = np.zeros_like(matrix)
                np.add.at(one, (clean[k].classes, said), 1)
                print(f"  {records[k].name} {table(figures(one))}")
                matrix += one
        print(f"seed {seed}, out of fold: {table(figures(matrix))}", flush=True)


def main() -> None:
    """Train, export and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", help="folder of mitdb, nstdb (default TELECARDIO_DATA)"
    )
    parser.add_argument("--output", type=Path, default=ARTIFACTS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--noise", type=int, default=1, help="noisy copies of DS1")
    parser.add_argument("--svdb", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--folds", type=int, default=0, help="cross-validate instead")
    parser.add_argument("--seeds", type=int, default=1, help="of cross-validation")
    parser.add_argument(
        "--unseen", action="store_true", help="do not open DS2: a card without figures"
    )
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()

    data = data_folder(options.data)
    ds1 = read_mitdb(data, DS1)
    check_counts(ds1, "DS1")
    extra = read_svdb(data) if options.svdb else []
    records = [record for record in ds1 if record.name != SAME_PERSON_AS_202]
    if options.folds:
        cross_validate(records, extra, data, options)
        return
    started = time.monotonic()
    examples = with_noise(records, data, options.noise, options.seed)
    if extra:
        examples = join([examples, with_noise(extra, data, 0, options.seed, OTHER_SET)])
    print(f"{len(examples)} beats described in {time.monotonic() - started:.0f} s")
    model = fit(examples, epochs=options.epochs, beats=BEATS, seed=options.seed)
    export(
        model,
        options.output,
        training={
            "records": [record.name for record in records],
            "other_sets": ["svdb, both leads"] if extra else [],
            "noise": f"nstdb em ma bw, {options.noise} noisy copies",
            "epochs": options.epochs,
            "beats_per_epoch": BEATS,
            "seed": options.seed,
        },
    )
    print(f"trained and exported after {time.monotonic() - started:.0f} s")
    if not options.unseen:
        write_figures(options.output, evaluate(data, options.output))


if __name__ == "__main__":
    main()
