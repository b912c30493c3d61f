"""Train the beat nets on DS1, svdb and people of training2017; write the artifact.

``python -m ml.train --unseen`` makes the artifact, as ``make train`` does; without
``--unseen`` it is judged at once, which opens DS2.
``python -m ml.train --folds 4 --seeds 5`` prints patient-grouped cross-validation and
how much the figures differ from seed to seed.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Matrices multiplied by several threads differ from machine to machine.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import tensorflow as tf

from inference.classifier import ARTIFACTS
from inference.r_peak_net import load_r_peak_net
from ml.card_file import write_figures
from ml.cross_validation import Ask, cross_validate
from ml.data import DS1, SAME_PERSON_AS_202, data_folder
from ml.evaluate import evaluate
from ml.examples import Examples
from ml.export import export
from ml.fit import SHARES, fit, fit_encoder, predict
from ml.found import finder
from ml.model import together
from ml.training_set import training_set

SEED = 0
MEMBERS = 5
EPOCHS = 16
BEATS = 24_000  # drawn per epoch
NOISE = 2  # noisy copies of each first lead
PEOPLE, FIBRILLATION = 3000, 625  # records of training2017: normal, in fibrillation
# Of patients that the nets had not seen (--folds 4 --seeds 5): expected calibration
# error of DS1 and of svdb, first leads.
TEMPERATURE = 0.97
RELIABILITY = {"DS1": 0.007, "svdb": 0.008}


def main() -> None:
    """Train, export and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of the records (TELECARDIO_DATA)")
    parser.add_argument("--output", type=Path, default=ARTIFACTS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--members", type=int, default=MEMBERS, help="nets averaged")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--noise", type=int, default=NOISE, help="noisy copies")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--fibrillation", type=int, default=FIBRILLATION)
    parser.add_argument("--folds", type=int, default=0, help="cross-validate instead")
    parser.add_argument("--seeds", type=int, default=1, help="of cross-validation")
    parser.add_argument(
        "--unseen", action="store_true", help="do not open DS2: a card without figures"
    )
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()

    data, started = data_folder(options.data), time.monotonic()
    beats = training_set(
        data,
        finder(load_r_peak_net()),
        noise=options.noise,
        strangers=(options.people, options.fibrillation),
        seed=options.seed,
    )
    spent = time.monotonic() - started
    print(f"{len(beats.examples)} beats described in {spent:.0f} s", flush=True)
    if options.folds:
        seeds = range(options.seed, options.seed + options.seeds)
        teach = partial(_teach, options.epochs)
        cross_validate(beats, teach, folds=options.folds, seeds=seeds)
        return
    encoder = fit_encoder(beats.examples)
    members = [
        fit(
            beats.examples,
            encoder,
            epochs=options.epochs,
            beats=BEATS,
            seed=options.seed + k,
        )
        for k in range(options.members)
    ]
    export(
        together(members, TEMPERATURE),
        options.output,
        training={
            "records": [name for name in DS1 if name != SAME_PERSON_AS_202],
            "other_sets": [
                "DS1, second lead of the same records",
                "svdb, both leads",
                f"training2017, {options.people} records labelled N and "
                f"{options.fibrillation} labelled A, own R peaks",
                "fusion beats and ectopic rhythms made of the training patients' beats",
            ],
            "shares": SHARES,
            "noise": f"nstdb em ma bw, first halves, {options.noise} noisy copies of "
            "the first leads with own R peaks; what is no beat there is called Q",
            "members": options.members,
            "epochs": options.epochs,
            "beats_per_epoch": BEATS,
            "seed": options.seed,
            "calibration": {"temperature": TEMPERATURE, "error": RELIABILITY},
        },
    )
    print(f"trained and exported after {time.monotonic() - started:.0f} s")
    print("figures and their spread: python -m ml.train --folds 4 --seeds 5")
    if not options.unseen:
        write_figures(options.output, evaluate(data, options.output))


def _teach(epochs: int, examples: Examples, seed: int) -> Ask:
    """Train one net, and return what gives its probabilities."""
    encoder = fit_encoder(examples)
    net = fit(examples, encoder, epochs=epochs, beats=BEATS, seed=seed)
    return partial(predict, net)


if __name__ == "__main__":
    main()
