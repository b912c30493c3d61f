"""Fitting one net, and asking it: a few matrices, in plain numpy.

What a net sees of a beat's two windows are their projections on the directions in
which windows differ most; after that there are only dense layers, so training takes
seconds and needs no framework.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.ecg import CLASSES
from inference.ecg.beats import CHANNELS, FEATURES, to_input
from inference.ecg.grid import WINDOW
from ml.augment import draw
from ml.examples import KINDS, MARGIN, Examples

DIRECTIONS = 24  # of each window
HIDDEN = (96, 48)
BATCH = 512
LEARNING_RATE = 4e-3
WARMUP = 0.3  # share of the steps
DECAY = 1e-2
DROPPED = (0.1, 0.15)
FEATURE_NOISE = 0.1
FARTHEST = 6.0  # features in standard deviations, windows in QRS sizes
FARTHEST_PROJECTION = 8.0
BALANCE = 0.5  # a class is drawn in proportion to its count to the power 1 - BALANCE
SHARES = {  # of what is drawn
    "mitdb": 0.27,
    "svdb": 0.37,
    "noisy": 0.11,
    "people": 0.06,
    "fibrillation": 0.05,
    "fusion": 0.04,
    "ectopy": 0.03,
    "sinus": 0.07,
}
ANNOTATED = [KINDS.index("mitdb"), KINDS.index("svdb")]
LEARNED = [CLASSES.index(name) for name in "NSVF"]  # DS1 has 8 Q: too few.
ARTEFACT = CLASSES.index("Q")  # But what noise made is called Q too,
ARTEFACTS = 0.7  # drawn as often as beats of so rare a class, times this,
DOUBT = 0.6  # and its odds are lowered by this: a V beat lost is worse than a false one
Real = NDArray[np.float32]


@dataclass(frozen=True)
class Encoder:
    """``mean`` and ``deviation`` [F] of features, ``directions`` [2, 96, 24]."""

    mean: Real
    deviation: Real
    directions: Real

    def __call__(self, windows: Real, features: Real) -> Real:
        """Return what the dense layers see of beats: [n, F + 2 * 24]."""
        parts = [(features - self.mean) / self.deviation]
        parts[0] = np.clip(parts[0], -FARTHEST, FARTHEST)
        for k, own in enumerate(self.directions):
            row = np.clip(windows[:, :, k], -FARTHEST, FARTHEST) @ own
            parts.append(np.clip(row, -FARTHEST_PROJECTION, FARTHEST_PROJECTION))
        return np.concatenate(parts, axis=1).astype(np.float32)


@dataclass(frozen=True)
class Net:
    """An encoder and the weights and biases of its dense layers."""

    encoder: Encoder
    weights: list[Real]
    biases: list[Real]


def drawing_chance(examples: Examples) -> NDArray[np.float64]:
    """Return each beat's probability of being drawn.

    Each kind of beats gives its share, but for those between fusion beats; within it
    rare classes are favoured.
    """
    each = np.zeros(len(examples))
    annotated = np.isin(examples.kinds, ANNOTATED)
    made = ~annotated & (examples.kinds != KINDS.index("between"))
    for group, artefacts in ((annotated, 0.0), (made, ARTEFACTS)):
        classes = examples.classes[group]
        counts = np.bincount(classes, minlength=len(CLASSES))
        weights = 1.0 / np.maximum(counts, 1) ** BALANCE
        weights[ARTEFACT] *= artefacts
        each[group] = weights[classes]
    for name, share in SHARES.items():
        own = examples.kinds == KINDS.index(name)
        if own.any():
            each[own] *= share / each[own].sum()
    return each / each.sum()


def fit_encoder(examples: Examples) -> Encoder:
    """Return the encoder of annotated beats: principal directions, scaled to 1."""
    real = np.flatnonzero(np.isin(examples.kinds, ANNOTATED))
    features = examples.features[real]
    windows, _ = as_input(examples.take(real[::7]))
    directions = []
    for k in range(len(CHANNELS)):
        rows = np.clip(windows[:, :, k], -2.0, 2.0).astype(np.float64)
        power, axes = np.linalg.eigh(rows.T @ rows / len(rows))
        axes, power = axes[:, ::-1][:, :DIRECTIONS], power[::-1][:DIRECTIONS]
        directions.append(axes / np.sqrt(power))
    return Encoder(
        features.mean(axis=0),
        features.std(axis=0) + np.float32(1e-3),
        np.stack(directions).astype(np.float32),
    )


def forward(net: Net, seen: Real) -> tuple[list[Real], Real]:
    """Return the outputs of the hidden layers and the probabilities [n, 5]."""
    layers = [seen]
    for weight, bias in zip(net.weights[:-1], net.biases[:-1], strict=True):
        layers.append(np.maximum(layers[-1] @ weight + bias, 0))
    return layers, _softmax(layers[-1] @ net.weights[-1] + net.biases[-1])


def _softmax(score: Real) -> Real:
    power = np.exp(score - score.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)


class _Adam:
    """AdamW on the parameters of a net, changed in place."""

    def __init__(self, net: Net) -> None:
        self.net, self.step = net, 0
        self.parameters = [*net.weights, *net.biases]
        self.first = [np.zeros_like(p) for p in self.parameters]
        self.second = [np.zeros_like(p) for p in self.parameters]

    def move(self, slopes: list[Real], rate: float) -> None:
        self.step += 1
        first_share, second_share = 1 - 0.9**self.step, 1 - 0.999**self.step
        for k, (parameter, slope) in enumerate(
            zip(self.parameters, slopes, strict=True)
        ):
            self.first[k] += 0.1 * (slope - self.first[k])
            self.second[k] += 0.001 * (slope * slope - self.second[k])
            if k < len(self.net.weights):
                parameter *= 1 - rate * DECAY
            scale = np.sqrt(self.second[k] / second_share) + 1e-7
            parameter -= rate * (self.first[k] / first_share) / scale


def _slopes(
    net: Net, seen: Real, classes: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[list[Real], float]:
    """Return the slopes of the cross-entropy, with dropout, and its value."""
    layers, masks = [seen], []
    for k, share in enumerate(DROPPED):
        out = np.maximum(layers[-1] @ net.weights[k] + net.biases[k], 0)
        kept = rng.random(out.shape, dtype=np.float32) >= share
        masks.append(kept / np.float32(1 - share))
        layers.append(out * masks[-1])
    said = _softmax(layers[-1] @ net.weights[-1] + net.biases[-1])
    row = np.arange(len(classes))
    loss = -float(np.log(said[row, classes] + 1e-9).mean())
    back = said.copy()
    back[row, classes] -= 1
    back /= len(classes)
    of_weights: list[Real] = []
    of_biases: list[Real] = []
    for k in range(len(net.weights) - 1, -1, -1):
        of_weights.insert(0, layers[k].T @ back)
        of_biases.insert(0, back.sum(axis=0))
        if k:
            back = (back @ net.weights[k].T) * (layers[k] > 0) * masks[k - 1]
    return [*of_weights, *of_biases], loss


def fit(
    examples: Examples, encoder: Encoder, *, epochs: int, beats: int, seed: int
) -> Net:
    """Train one net on ``epochs`` times ``beats`` drawn beats."""
    rng = np.random.default_rng(seed)
    sizes = [len(FEATURES) + len(CHANNELS) * DIRECTIONS, *HIDDEN, len(CLASSES)]
    net = Net(
        encoder,
        [
            (rng.standard_normal((a, b)) * np.sqrt(2 / a)).astype(np.float32)
            for a, b in zip(sizes[:-1], sizes[1:], strict=True)
        ],
        [np.zeros(size, np.float32) for size in sizes[1:]],
    )
    net.weights[-1][:] *= 0.1
    adam, line = _Adam(net), np.cumsum(drawing_chance(examples))
    steps = epochs * (beats // BATCH)
    losses = []
    for epoch in range(epochs):
        drawn = rng.random(beats // BATCH * BATCH) * line[-1]
        at = np.minimum(np.searchsorted(line, drawn), len(line) - 1)
        seen = encoder(*draw(examples, at, rng))
        noise = rng.standard_normal((len(at), len(FEATURES)), dtype=np.float32)
        seen[:, : len(FEATURES)] += FEATURE_NOISE * noise
        for start in range(0, len(at), BATCH):
            done = adam.step / steps
            rate = 0.04 + 0.96 * done / WARMUP
            if done >= WARMUP:
                rate = 0.5 * (1 + np.cos(np.pi * (done - WARMUP) / (1 - WARMUP)))
            part = slice(start, start + BATCH)
            slopes, loss = _slopes(net, seen[part], examples.classes[at[part]], rng)
            adam.move(slopes, LEARNING_RATE * rate)
            losses.append(loss)
        mean = np.mean(losses[-(beats // BATCH) :])
        print(f"epoch {epoch + 1}/{epochs} loss {mean:.4f}", flush=True)
    net.biases[-1][ARTEFACT] += np.log(DOUBT)
    return net


def as_input(examples: Examples) -> tuple[Real, Real]:
    """Return beats as they are, not augmented: windows [n, 96, 2], features [n, F]."""
    windows = examples.wide[:, MARGIN : MARGIN + WINDOW].astype(np.float64)
    windows -= np.median(windows, axis=1, keepdims=True)
    pair = to_input(windows, examples.templates.astype(np.float64))
    return pair.astype(np.float32), examples.features


def predict(net: Net, examples: Examples) -> Real:
    """Return probabilities [n, 5] of beats as they are, not augmented."""
    return forward(net, net.encoder(*as_input(examples)))[1]
