"""Boosted decision trees as flat arrays, asked by compiled code."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.ecg.compiled import compiled
from inference.ecg.types import Array, Signal


class Trees(NamedTuple):
    """All nodes of all trees, one after another.

    A node asks whether ``feature`` is at most ``threshold`` and goes on at ``left``
    or ``right``, counted from its tree's root; NaN goes left where ``missing_left``.
    A leaf has -1 for ``feature`` and adds ``value``. ``roots`` [r, k] are the trees
    of each round and class, ``start`` [k] what every sum starts from.
    """

    feature: NDArray[np.int16]
    threshold: Array
    left: NDArray[np.int16]
    right: NDArray[np.int16]
    missing_left: NDArray[np.uint8]
    value: NDArray[np.float32]
    roots: NDArray[np.int32]
    start: Array


@compiled
def add_up(trees: Trees, features: Signal) -> Array:
    """Return the scores [n, k] of rows of features [n, F]."""
    rounds, classes = trees.roots.shape
    scores = np.empty((len(features), classes))
    for n in range(len(features)):
        for k in range(classes):
            score = trees.start[k]
            for r in range(rounds):
                root = trees.roots[r, k]
                at = root
                while trees.feature[at] >= 0:
                    value = features[n, trees.feature[at]]
                    if np.isnan(value):
                        goes_left = trees.missing_left[at] != 0
                    else:
                        goes_left = value <= trees.threshold[at]
                    at = root + (trees.left[at] if goes_left else trees.right[at])
                score += trees.value[at]
            scores[n, k] = score
    return scores


def probabilities(trees: Trees, features: Signal) -> Signal:
    """Return the probabilities float32[n, k] of rows of features [n, F]."""
    scores = add_up(trees, np.ascontiguousarray(features, np.float32))
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)


def read_trees(path: Path) -> Trees:
    """Read the trees that ``write_trees`` wrote."""
    with np.load(path) as kept:
        return Trees(*(kept[name] for name in Trees._fields))


def write_trees(trees: Trees, path: Path) -> None:
    """Write trees as a compressed file of arrays."""
    np.savez_compressed(path, **trees._asdict())
