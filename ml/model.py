"""The trained nets as one Keras model, which the export turns into the artifact."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from inference.ecg.beats import CHANNELS, FEATURES
from inference.ecg.grid import WINDOW
from ml.fit import FARTHEST, FARTHEST_PROJECTION, Encoder, Net

LEAST = 1e-7  # a probability's logarithm is taken of at least this


def _dense(x: keras.KerasTensor, weight: np.ndarray, bias: np.ndarray, shape: str):
    """Return a dense layer's answer, its weights being given."""
    layer = layers.Dense(weight.shape[1], activation=shape)
    answer = layer(x)
    layer.set_weights([weight, bias])
    return answer


def _encode(encoder: Encoder, window: keras.KerasTensor, measured: keras.KerasTensor):
    features = (measured - encoder.mean) / encoder.deviation
    features = ops.clip(features, -FARTHEST, FARTHEST)
    # Both channels at once, each with zeros for the other: a slice of one of them
    # would leave XNNPACK and take two thirds of the whole net's time.
    channels, length, width = encoder.directions.shape
    directions = np.zeros((length, channels, channels, width))
    for k, own in enumerate(encoder.directions):
        directions[:, k, k] = own
    directions = directions.reshape(length * channels, channels * width)
    row = layers.Reshape((length * channels,))(window)
    row = ops.clip(row, -FARTHEST, FARTHEST)
    row = _dense(row, directions, np.zeros(directions.shape[1]), "linear")
    row = ops.clip(row, -FARTHEST_PROJECTION, FARTHEST_PROJECTION)
    return ops.concatenate([features, row], axis=1)


def together(members: Sequence[Net], temperature: float) -> keras.Model:
    """Return one net that says what several say on average, calibrated.

    It takes windows [n, 96, 2] and features [n, F] and gives probabilities [n, 5].
    The logarithms of the mean probabilities are divided by ``temperature``. The
    members share their encoder.
    """
    window = keras.Input((WINDOW, len(CHANNELS)), name="windows")
    measured = keras.Input((len(FEATURES),), name="features")
    seen = _encode(members[0].encoder, window, measured)
    said = []
    for member in members:
        x = seen
        for weight, bias in zip(member.weights[:-1], member.biases[:-1], strict=True):
            x = _dense(x, weight, bias, "relu")
        said.append(_dense(x, member.weights[-1], member.biases[-1], "softmax"))
    mean = layers.Average()(said) if len(said) > 1 else said[0]
    out = ops.softmax(ops.log(ops.maximum(mean, LEAST)) / temperature)
    return keras.Model([window, measured], out, name="beat_nets")
