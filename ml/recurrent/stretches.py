"""Stretches of beats that stand one after another in a lead, drawn for training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.examples import Examples
from ml.fit import drawing_chance

LENGTH = 48  # beats of a stretch
COUNTED = 600_000  # stretches, to learn how often each beat is in one
LEAST_COVER = 2e-6
TYPICAL, HEAVIEST = 0.99, 8.0  # no beat weighs more than so many times this quantile
LEADING, LEADING_WEIGHT = 6, 0.2  # beats whose past the stretch does not show


def sequences_of(examples: Examples) -> NDArray[np.int64]:
    """Return where each lead's beats begin and end, [s, 2]: there steps go back."""
    other = np.diff(examples.records) != 0
    begins = np.flatnonzero(other | (np.diff(examples.steps) <= 0)) + 1
    edges = np.concatenate(([0], begins, [len(examples)]))
    return np.stack((edges[:-1], edges[1:]), axis=1)


@dataclass(frozen=True)
class Stretches:
    """Stretches of 48 beats: where each beat's lead begins and ends, [n, 2],
    how often beats are drawn, added up, [n], and how much each weighs, [n].
    """

    leads: NDArray[np.int64]
    line: NDArray[np.float64]
    weights: NDArray[np.float32]

    def draw(
        self, count: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the beats [count, 48] of some stretches, and what each weighs.

        Beyond a lead's end its last beat is repeated and weighs nothing.
        """
        start, end = _draw(self.leads, self.line, count, rng)
        at = start[:, None] + np.arange(LENGTH)
        inside = at < end[:, None]
        at = np.minimum(at, end[:, None] - 1)
        weights = self.weights[at] * inside
        cut = start != self.leads[start, 0]
        weights[cut, :LEADING] *= LEADING_WEIGHT
        return at, weights


def _draw(
    leads: NDArray[np.int64],
    line: NDArray[np.float64],
    count: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    at = np.minimum(np.searchsorted(line, rng.random(count) * line[-1]), len(line) - 1)
    first, end = leads[at, 0], leads[at, 1]
    start = at - rng.integers(0, LENGTH, count)
    start = np.clip(start, first, np.maximum(end - LENGTH, first))
    return start, np.minimum(start + LENGTH, end)


def stretches_of(examples: Examples, rng: np.random.Generator) -> Stretches:
    """Return the stretches of examples.

    One is drawn by one of its beats, in proportion to ``drawing_chance``. Who stands
    beside a beat that is often drawn is often seen too: a beat weighs its chance over
    how often it is seen, so that each counts as often as if it were drawn alone.
    """
    chance, sequences = drawing_chance(examples), sequences_of(examples)
    leads = np.repeat(sequences, sequences[:, 1] - sequences[:, 0], axis=0)
    line = np.cumsum(chance)
    start, end = _draw(leads, line, COUNTED, rng)
    change = np.bincount(start, minlength=len(line) + 1).astype(np.float64)
    change -= np.bincount(end, minlength=len(line) + 1)
    cover = np.cumsum(change[:-1]) / COUNTED
    weights = chance / np.maximum(cover, LEAST_COVER)
    weights = np.minimum(weights / np.quantile(weights, TYPICAL), HEAVIEST)
    return Stretches(leads, line, weights.astype(np.float32))
