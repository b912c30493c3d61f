"""Judge the recurrent net by patient-grouped cross-validation, as ``ml.train`` does.

``python -m ml.recurrent --folds 4 --seeds 5`` prints figures seed by seed, their spread
and those of the nets together. It writes nothing and does not open DS2.
"""

from __future__ import annotations

import argparse
import os
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Matrices multiplied by several threads differ from machine to machine.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import tensorflow as tf

from inference.r_peak_net import load_r_peak_net
from ml.cross_validation import Ask, cross_validate
from ml.data import data_folder
from ml.examples import Examples
from ml.fit import fit_encoder
from ml.found import finder
from ml.recurrent.fit import fit, predict
from ml.train import FIBRILLATION, NOISE, PEOPLE
from ml.training_set import training_set

STEPS = 4000


def teach(steps: int, examples: Examples, seed: int) -> Ask:
    """Train one net, and return what gives its probabilities."""
    encoder = fit_encoder(examples)
    net = fit(examples, encoder, steps=steps, seed=seed)
    return partial(predict, net, encoder)


def main() -> None:
    """Cross-validate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of the records (TELECARDIO_DATA)")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    beats = training_set(
        data_folder(options.data),
        finder(load_r_peak_net()),
        noise=NOISE,
        strangers=(PEOPLE, FIBRILLATION),
        seed=options.seed,
    )
    seeds = range(options.seed, options.seed + options.seeds)
    how = partial(teach, options.steps)
    cross_validate(beats, how, folds=options.folds, seeds=seeds)


if __name__ == "__main__":
    main()
