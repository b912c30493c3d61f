"""Train what tells electrode motion and muscle from good signal.

``python -m ml.quality --data DIR`` prints record-grouped cross-validation;
``--write`` puts the net into the analysis.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from ml.data import data_folder
from ml.quality_rows import GOOD, MOTION, MUSCLE, Ints, Real, Rows, make_rows

SEED = 0
FOLDS = 3
HIDDEN = 12
EPOCHS = 12
PLAIN_SHARE = 0.3  # of the good seconds in which nothing special is
HEAVY_TIMES = 4
RELUCTANCE = 0.5  # in logits: a good second called bad may hide an alarm
DOUBTFUL = 0.95  # a clean second that looks so bad is not as clean as its label
MODEL = Path("inference/ecg/quality_model.py")


class Net(NamedTuple):
    """Weights [F, 12] and [12, 2] with biases: motion and muscle, each against good."""

    hidden: Real
    hidden_bias: Real
    out: Real
    out_bias: Real

    def logits(self, features: Real) -> Real:
        """Return how much motion and muscle outweigh good [n, 2]."""
        units = np.tanh(features @ self.hidden + self.hidden_bias)
        return np.asarray(units @ self.out + self.out_bias)


def fit(rows: Rows, train: Ints, seed: int) -> Net:
    """Fit on the rows ``train``, then once more without doubtful labels."""
    net = _fit_once(rows, train, seed)
    bad = 1 - 1 / (1 + np.exp(net.logits(rows.features[train])).sum(axis=1))
    sure = (rows.quality[train] != GOOD) | (bad < DOUBTFUL) | rows.heavy[train]
    return _fit_once(rows, train[sure], seed)


def _fit_once(rows: Rows, train: Ints, seed: int) -> Net:
    rng = np.random.default_rng(seed)
    good, heavy = rows.quality[train] == GOOD, rows.heavy[train]
    plain = good & ~heavy
    drawn = [train[~plain | (rng.random(len(train)) < PLAIN_SHARE)]]
    drawn += [train[good & heavy]] * (HEAVY_TIMES - 1)
    at = np.concatenate(drawn)
    centre, scale = rows.features[at].mean(axis=0), rows.features[at].std(axis=0) + 1e-6
    model = MLPClassifier(
        (HIDDEN,),
        activation="tanh",
        alpha=1e-3,
        batch_size=256,
        learning_rate_init=2e-3,
        max_iter=EPOCHS,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((rows.features[at] - centre) / scale, rows.quality[at])
    (hidden, out), (hidden_bias, out_bias) = model.coefs_, model.intercepts_
    return Net(
        np.round(hidden / scale[:, None], 3),
        np.round(hidden_bias - (centre / scale) @ hidden, 3),
        np.round(out[:, [MOTION, MUSCLE]] - out[:, [GOOD]], 3),
        np.round(out_bias[[MOTION, MUSCLE]] - out_bias[GOOD] - RELUCTANCE, 3),
    )


def report(rows: Rows, logits: Real) -> None:
    """Print how often each kind of second is called what it is."""
    said = np.where(logits.max(axis=1) > 0, 1 + logits.argmax(axis=1), GOOD)
    good = rows.quality == GOOD
    lines = {
        "good called bad": (said[good] != GOOD),
        "good with ventricular beats or silence called bad": (
            said[good & rows.heavy] != GOOD
        ),
        "motion called motion": said[rows.quality == MOTION] == MOTION,
        "motion called bad": said[rows.quality == MOTION] != GOOD,
        "muscle called muscle": said[rows.quality == MUSCLE] == MUSCLE,
        "muscle called bad": said[rows.quality == MUSCLE] != GOOD,
    }
    for name, hits in lines.items():
        print(f"{name}: {100 * hits.mean():.2f} % of {len(hits)}")


def write(net: Net, path: Path) -> None:
    """Write the net as a module."""
    parts = {
        "HIDDEN": "one row per feature of ``measures``, one column per unit",
        "OUT": "one row per unit: motion and muscle, each against good",
    }
    text = [
        '"""The small net that tells electrode motion and muscle from good signal.',
        "",
        "Written by ``python -m ml.quality --write`` from mitdb (DS1, paced) and svdb",
        "with the noises of the MIT-BIH Noise Stress Test Database (PhysioNet,",
        'ODC-By).\n"""\n',
        "import numpy as np\n",
    ]
    for name, what in parts.items():
        table = getattr(net, name.lower())
        numbers = "\n".join(" ".join(f"{v:.4g}" for v in row) for row in table)
        text += [f"# {what[0].upper()}{what[1:]}.", f'_{name} = """\n{numbers}\n"""']
    biases = "\n".join(f"{v:.4g}" for v in net.hidden_bias)
    text += [
        f'_HIDDEN_BIAS = """\n{biases}\n"""',
        f"OUT_BIAS = np.array(({net.out_bias[0]:.4g}, {net.out_bias[1]:.4g}))",
        "HIDDEN_BIAS = np.array(_HIDDEN_BIAS.split(), dtype=np.float64)",
        "HIDDEN = np.array(_HIDDEN.split(), dtype=np.float64)",
        "HIDDEN = HIDDEN.reshape(-1, len(HIDDEN_BIAS))",
        "OUT = np.array(_OUT.split(), dtype=np.float64).reshape(-1, 2)",
    ]
    path.write_text("\n".join(text) + "\n")


def main() -> None:
    """Cross-validate, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of mitdb, svdb, nstdb")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", action="store_true", help="write what all train")
    options = parser.parse_args()
    rows = make_rows(data_folder(options.data), np.random.default_rng(options.seed))
    print(f"{len(rows.quality)} seconds: {np.bincount(rows.quality)} of each quality")
    if options.write:
        write(fit(rows, np.arange(len(rows.quality)), options.seed), MODEL)
        print(f"wrote {MODEL}; figures: python -m ml.quality")
        return
    # The noises alone teach every fold: that a record was never seen says nothing.
    alone = rows.records == rows.records.max()
    held = np.where(alone, -1, rows.records % FOLDS)
    logits = np.zeros((len(held), 2))
    for fold in range(FOLDS):
        net = fit(rows, np.flatnonzero(held != fold), options.seed)
        logits[held == fold] = net.logits(rows.features[held == fold])
    shown = Rows(*(part[~alone] for part in rows))
    report(shown, logits[~alone])


if __name__ == "__main__":
    main()
