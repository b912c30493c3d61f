"""Fitting one net, and asking it."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from inference.ecg import CLASSES
from inference.ecg.beats import to_input
from inference.ecg.grid import WINDOW
from ml.augment import draw
from ml.examples import MARGIN, Examples
from ml.model import build

BATCH = 256
LEARNING_RATE = 4e-3
BALANCE = 0.5  # a class is drawn in proportion to its count to the power 1 - BALANCE
MAIN_SHARE = 0.39  # of mitdb in what is drawn, when svdb is used as well
OTHER_SET = 1000  # records of the other database are numbered from here on
LEARNED = [CLASSES.index(name) for name in "NSVF"]  # DS1 has 8 Q: too few


def drawing_chance(examples: Examples) -> NDArray[np.float64]:
    """Return each beat's probability of being drawn.

    Rare classes are favoured; of two databases the first gives ``MAIN_SHARE``.
    """
    classes = examples.classes
    counts = np.bincount(classes, minlength=len(CLASSES))
    weights = np.zeros(len(CLASSES))
    weights[LEARNED] = 1.0 / np.maximum(counts[LEARNED], 1) ** BALANCE
    each = weights[classes]
    other = examples.records >= OTHER_SET
    if other.any():
        share = np.where(other, 1 - MAIN_SHARE, MAIN_SHARE)
        each *= share / np.where(other, each[other].sum(), each[~other].sum())
    return each / each.sum()


def fit(examples: Examples, *, epochs: int, beats: int, seed: int) -> keras.Model:
    """Train one net on ``epochs`` times ``beats`` drawn beats."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    mean = examples.features.mean(axis=0)
    model = build(mean, examples.features.std(axis=0) + 1e-3)
    steps = epochs * -(-beats // BATCH)
    warmup = max(int(0.3 * steps), 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 25,
        decay_steps=max(steps - warmup, 1),
        warmup_target=LEARNING_RATE,
        warmup_steps=warmup,
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-2),
        loss="sparse_categorical_crossentropy",
    )
    chance = drawing_chance(examples)
    for epoch in range(epochs):
        at = rng.choice(len(examples), beats, p=chance)
        windows, features = draw(examples, at, rng)
        history = model.fit(
            [windows, features], examples.classes[at], batch_size=BATCH, verbose=0
        )
        print(f"epoch {epoch + 1}/{epochs} loss {history.history['loss'][0]:.4f}")
    return model


def predict(model: keras.Model, examples: Examples) -> NDArray[np.float32]:
    """Return probabilities [n, 5] of beats as they are, not augmented."""
    windows = examples.wide[:, MARGIN : MARGIN + WINDOW].astype(np.float64)
    windows -= np.median(windows, axis=1, keepdims=True)
    pair = to_input(windows, examples.templates.astype(np.float64))
    inputs = [pair.astype(np.float32), examples.features]
    return model.predict(inputs, batch_size=1024, verbose=0)
