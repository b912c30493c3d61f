"""Fitting one net to stretches of beats, and asking it of whole leads."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from inference.ecg import CLASSES
from inference.ecg.beats import FEATURES
from ml.augment import draw
from ml.examples import Examples
from ml.fit import ARTEFACT, DOUBT, FEATURE_NOISE, Encoder, as_input
from ml.recurrent.layer import MEMBERS, RECURRENT, follow_beats
from ml.recurrent.model import SEEN, beat_net, encoded_by, recurrent_part
from ml.recurrent.stretches import LENGTH, sequences_of, stretches_of

BATCH = 32  # stretches
SLOWEST, FASTEST = 1e-4, 3e-3  # learning rate: at the start, after the warm-up
WARM_UP = 300  # steps
DECAY = 1e-2
STEEPEST = 1.0  # norm of the slopes of one weight array
Real = NDArray[np.float32]


def fit(examples: Examples, encoder: Encoder, *, steps: int, seed: int) -> keras.Model:
    """Train one net on ``steps`` times 32 stretches of 48 beats."""
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    stretches, net = stretches_of(examples, rng), beat_net()
    rate = keras.optimizers.schedules.CosineDecay(
        SLOWEST, steps - WARM_UP, warmup_target=FASTEST, warmup_steps=WARM_UP
    )
    adam = keras.optimizers.AdamW(rate, weight_decay=DECAY, clipnorm=STEEPEST)

    @tf.function
    def move(seen: tf.Tensor, classes: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            said = net(seen, training=True)
            own = tf.math.log(tf.gather(said, classes, batch_dims=2) + 1e-9)
            loss = -tf.reduce_sum(weights * own) / tf.reduce_sum(weights)
        slopes = tape.gradient(loss, net.trainable_variables)
        adam.apply_gradients(zip(slopes, net.trainable_variables, strict=True))
        return loss

    losses = []
    for step in range(steps):
        at, weights = stretches.draw(BATCH, rng)
        seen = encoder(*draw(examples, at.ravel(), rng))
        noise = rng.standard_normal((at.size, len(FEATURES)), dtype=np.float32)
        seen[:, : len(FEATURES)] += FEATURE_NOISE * noise
        seen = seen.reshape(BATCH, LENGTH, SEEN)
        classes = examples.classes[at].astype(np.int32)
        losses.append(float(move(seen, classes, weights)))
        if (step + 1) % WARM_UP == 0:
            mean = np.mean(losses[-WARM_UP:])
            print(f"step {step + 1}/{steps} loss {mean:.4f}", flush=True)
    biases = net.get_layer("last").bias
    biases.assign(biases + np.log(DOUBT) * np.eye(len(CLASSES))[ARTEFACT])
    return net


def predict(net: keras.Model, encoder: Encoder, examples: Examples) -> Real:
    """Return probabilities [n, 5] of whole leads, not augmented, as in service."""
    encoded = encoded_by(net, encoder(*as_input(examples)))
    encoded = np.tile(encoded, MEMBERS)  # The layer averages so many: all the same one.
    recurrent = recurrent_part([net] * MEMBERS, temperature=1.0)
    said = [np.zeros((0, len(CLASSES)), np.float32)]
    for start, end in sequences_of(examples):
        state, steps = np.zeros(1, RECURRENT)[0], examples.steps[start:end]
        said.append(follow_beats(state, steps, encoded[start:end], recurrent))
    return np.concatenate(said)
