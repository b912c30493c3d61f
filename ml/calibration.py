"""Making probabilities say how often they are right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ml.fit import LEARNED
from ml.model import LEAST

BINS = 10
COOLEST, HOTTEST = 0.3, 3.0
Real = NDArray[np.float64]


def calibrated(said: Real, temperature: float) -> Real:
    """Return probabilities [n, 5] as ``ml.model.together`` gives them."""
    power = np.maximum(said, LEAST) ** (1 / temperature)
    return power / power.sum(axis=1, keepdims=True)


def fit_temperature(
    said: Real, classes: NDArray[np.uint8], weights: NDArray[np.float64]
) -> float:
    """Return the temperature under which the true ``classes`` [n] are most likely.

    ``said`` [n, 5] must come from nets that never saw the patient; ``weights`` [n]
    say how much a beat counts. A temperature changes no decision: rare classes are
    decided as in training, where they are drawn more often than they occur.
    """
    known = np.isin(classes, LEARNED) & (weights > 0)
    said, classes, weights = said[known], classes[known], weights[known]
    row = np.arange(len(said))

    def loss(temperature: float) -> float:
        found = calibrated(said, temperature)[row, classes]
        return float(-(weights * np.log(np.maximum(found, LEAST))).sum())

    found = minimize_scalar(loss, bounds=(COOLEST, HOTTEST), options={"xatol": 0.01})
    return float(found.x)


def reliability(
    said: Real, classes: NDArray[np.uint8]
) -> tuple[float, list[list[float]]]:
    """Return the expected calibration error of the winning probability, and its bins.

    A bin is its mean, how often it is right, and how many beats it holds.
    """
    top, right = said.max(axis=1), said.argmax(axis=1) == classes
    place = np.minimum((top * BINS).astype(int), BINS - 1)
    rows, error = [], 0.0
    for k in range(BINS):
        inside = place == k
        if inside.any():
            mean, share = float(top[inside].mean()), float(right[inside].mean())
            rows.append([round(mean, 3), round(share, 3), int(inside.sum())])
            error += abs(mean - share) * inside.mean()
    return round(float(error), 4), rows
