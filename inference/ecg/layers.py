"""A small net: two hidden layers on a row of features."""

from __future__ import annotations

from inference.ecg.compiled import compiled
from inference.ecg.types import Array

FARTHEST = 5.0  # standard deviations of a feature: what is beyond is cut off

# Centre and scale of the features, and the weights of two hidden layers and the
# output, bias first. Compiled code takes it as an argument: what it finds in a module
# is kept with it on the disk.
Layers = tuple[Array, Array, Array, Array]


@compiled
def log_odds(features: Array, net: Layers) -> float:
    """Return what a net says of a row of features [F], as log odds. No delay."""
    scaling, first, second, last = net
    hidden, deeper = first[0].copy(), second[0].copy()
    for k in range(len(features)):
        value = (features[k] - scaling[0, k]) / scaling[1, k]
        value = min(max(value, -FARTHEST), FARTHEST)
        for j in range(len(hidden)):
            hidden[j] += value * first[k + 1, j]
    for k in range(len(hidden)):
        for j in range(len(deeper)):
            deeper[j] += max(hidden[k], 0.0) * second[k + 1, j]
    score = last[0]
    for k in range(len(deeper)):
        score += max(deeper[k], 0.0) * last[k + 1]
    return float(score)
