"""Fitting one R-peak net, and asking it."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from inference.ecg.grid import GRID_FS
from inference.ecg.heat import CONTEXT, HEAT, PAST, normalise, start_heat
from ml.r_peak_augment import disturb
from ml.r_peak_data import Track
from ml.r_peak_model import build
from ml.r_peak_noise import Noises, noise_to_add

BATCH = 16
WINDOW = 20 * GRID_FS
LEARNED = WINDOW - CONTEXT  # steps of a window whose answers are taught
LEARNING_RATE = 5e-3
SIGMA = 2.0  # grid steps: how sharp the target is
LOUD = 3.0  # an R peak counts 1 + LOUD times
NOISE_CHANCE, NOISE_TWICE = 0.65, 0.3
LOWEST_DB = 0.0
LEAD_IN = 10 * GRID_FS  # before a window, so that its scale is a running one

_target = np.exp(-0.5 * (np.arange(-8, 9) / SIGMA) ** 2)


def draw(
    track: Track,
    noises: Noises,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return a disturbed window [WINDOW] of a track, its target and its weights.

    It is normalised by the code that runs in service; now and then it starts where
    a record starts.
    """
    total = WINDOW + LEAD_IN
    pace = rng.uniform(0.8, 1.25) if rng.random() < 0.3 else 1.0
    span = int(total * pace) + 2
    start = int(rng.integers(0, max(len(track.band) - span, 0) + 1))
    x = track.band[start : start + span].astype(np.float64)
    unsure = track.unsure[start : start + span]
    if len(x) < span:  # a short record: nothing before it, and nothing taught there
        x = np.pad(x, (span - len(x), 0))
        unsure = np.pad(unsure, (span - len(unsure), 0), constant_values=True)
        start += len(track.band) - start - span
    inside = (track.r_peaks >= start) & (track.r_peaks < start + span - 2)
    r_peaks = track.r_peaks[inside] - start
    if pace != 1.0:
        at = np.arange(total) * pace
        x = np.interp(at, np.arange(span), x)
        unsure = unsure[np.rint(at).astype(np.int64)]
        r_peaks = np.minimum(np.rint(r_peaks / pace).astype(np.int64), total - 1)
    x, unsure = x[:total], unsure[:total]
    r_peaks = r_peaks[r_peaks < total]
    x, r_peaks = disturb(x, r_peaks, track.usual, rng)
    if rng.random() < NOISE_CHANCE:
        for _ in range(1 + int(rng.random() < NOISE_TWICE)):
            x = x + noise_to_add(total, track.usual, noises, rng, LOWEST_DB)
    if rng.random() < 0.5:
        x = -x
    cut = LEAD_IN
    if rng.random() < 0.1:  # as at the start of a record
        cut = 0
        lead = int(rng.integers(0, 4 * GRID_FS))
        x, r_peaks = x[LEAD_IN - lead :], r_peaks - (LEAD_IN - lead)
        unsure = unsure[LEAD_IN - lead :]
        x = np.pad(x, (PAST, 0))[: len(x)]
        unsure = np.pad(unsure, (PAST, 0))[: len(unsure)]
        r_peaks = r_peaks + PAST
        shown = _normalised(x[PAST:])
        shown = np.concatenate((np.zeros(PAST, np.float32), shown))
        shown = np.pad(shown, (0, max(WINDOW - len(shown), 0)))[:WINDOW]
    else:
        shown = _normalised(x)[cut : cut + WINDOW]
    level = np.zeros(WINDOW + 16)
    for at in (r_peaks - cut).tolist():
        if 0 <= at < WINDOW:
            level[at : at + 17] = np.maximum(level[at : at + 17], _target)
    taught = slice(PAST, PAST + LEARNED)
    target = level[8:-8][taught]
    weight = (1.0 + LOUD * target) * ~unsure[cut : cut + WINDOW][taught]
    return shown, target.astype(np.float32), weight.astype(np.float32)


def _normalised(x: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a stretch [n] as the net sees it in service."""
    state = np.zeros(1, HEAT)[0]
    start_heat(state)
    state["pending_count"] = state["step"] = 0
    padded = np.pad(x, (0, -len(x) % GRID_FS), mode="edge")
    blind = np.zeros(0, dtype=bool)
    return normalise(state, padded, blind, 0)[CONTEXT : CONTEXT + len(x)]


def fit(
    sets: Sequence[tuple[float, Sequence[Track]]],
    noises: Noises,
    *,
    steps: int,
    seed: int,
    start: keras.Model | None = None,
    report: int = 250,
) -> keras.Model:
    """Train one net on ``steps`` batches; each set gives its share of the windows.

    ``start`` is a net to go on from.
    """
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = build(length=WINDOW)
    if start is not None:
        model.set_weights(start.get_weights())
    warmup = max(int(0.3 * steps), 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 25,
        decay_steps=max(steps - warmup, 1),
        warmup_target=LEARNING_RATE,
        warmup_steps=warmup,
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-3, clipnorm=2.0),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=True,
    )
    shares = np.array([share for share, _ in sets])
    shares /= shares.sum()
    losses = []
    for step in range(steps):
        which = rng.choice(len(sets), BATCH, p=shares)
        rows = [
            draw(sets[k][1][int(rng.integers(len(sets[k][1])))], noises, rng)
            for k in which.tolist()
        ]
        shown, target, weight = (np.stack(part) for part in zip(*rows, strict=True))
        losses.append(
            model.train_on_batch(shown, target[:, :, None], sample_weight=weight)
        )
        if (step + 1) % report == 0:
            print(f"step {step + 1} loss {float(np.mean(losses)):.4f}", flush=True)
            model.reset_metrics()
            losses = []
    return model
