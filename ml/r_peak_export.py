"""From a trained R-peak net to the LiteRT artifact and its model card."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from inference.ecg.heat import CONTEXT, FRAME, LONG_S
from inference.r_peak_net import CARD_NAME, RPeakNet, described_inputs
from ml.data import DS1, DS2, PACED
from ml.export import ExportMismatch
from ml.r_peak_model import BLOCKS

VERSION = "0.3.0"
MODEL_NAME = "r_peak_cnn.tflite"
TOLERANCE = 1e-5


def to_litert(model: keras.Model) -> bytes:
    """Return the net as a LiteRT file for windows of any number and length.

    Input [n, 1, W / 5, 5], output [n, 1, (W - CONTEXT) / 5, 5]. Written out in
    convolutions of two dimensions with the normalisation folded in: so all of it is
    one XNNPACK graph, where Keras' own layers would become dozens of reshapes.
    """
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv1D)]
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    folded = []
    for convolution, norm in zip(convolutions, norms, strict=False):
        deviation = np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
        gain = norm.gamma.numpy() / deviation
        bias = norm.beta.numpy() - norm.moving_mean.numpy() * gain
        folded.append((convolution.kernel.numpy() * gain, bias))
    head = (convolutions[-1].kernel.numpy(), convolutions[-1].bias.numpy())

    def convolve(x: tf.Tensor, weights: Any, dilation: int = 1) -> tf.Tensor:
        kernel, bias = weights
        dilations = (1, 1, dilation, 1)
        y = tf.nn.conv2d(x, kernel[None], 1, "VALID", dilations=dilations)
        return tf.nn.bias_add(y, bias)

    @tf.function(input_signature=[tf.TensorSpec((None, 1, None, FRAME), tf.float32)])
    def serve(windows: tf.Tensor) -> dict[str, tf.Tensor]:
        x = tf.nn.relu(convolve(windows, folded[0]))
        for (dilation, side), weights in zip(BLOCKS, folded[1:], strict=True):
            y = tf.nn.relu(convolve(x, weights, dilation))
            centred = side == "centred"
            x = x[:, :, dilation:-dilation] if centred else x[:, :, 2 * dilation :]
            x = x + y
        return {"probabilities": tf.sigmoid(convolve(x, head))}

    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    return tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert()


def ask_keras(model: keras.Model, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return probabilities [n, W - CONTEXT] of windows [n, W] from the Keras net."""
    logits = np.asarray(model(windows, training=False))[:, :, 0]
    return (1.0 / (1.0 + np.exp(-logits.astype(np.float64)))).astype(np.float32)


def largest_difference(model: keras.Model, artifact: bytes, seed: int = 0) -> float:
    """Return the largest difference of probabilities between Keras and LiteRT."""
    rng = np.random.default_rng(seed)
    net = RPeakNet(artifact, {"version": VERSION})
    windows = rng.standard_normal((3, model.input_shape[1])).astype(np.float32)
    return float(np.abs(net(windows) - ask_keras(model, windows)).max())


def check_every_length(artifact: bytes, seed: int = 0) -> None:
    """Raise unless windows of a second and of a minute answer the same bits."""
    rng = np.random.default_rng(seed)
    net = RPeakNet(artifact, {"version": VERSION})
    long = rng.standard_normal((1, CONTEXT + LONG_S * 125)).astype(np.float32)
    starts = range(0, LONG_S * 125, 125)
    short = np.stack([long[0, at : at + CONTEXT + 125] for at in starts])
    if net(long).tobytes() != net(short).tobytes():
        raise ExportMismatch("windows of a second and of a minute differ: not exported")


def export(model: keras.Model, output: Path, *, training: dict[str, Any]) -> None:
    """Write the artifact and its card to the folder ``output``."""
    output.mkdir(parents=True, exist_ok=True)
    artifact = to_litert(model)
    difference = largest_difference(model, artifact)
    if not difference <= TOLERANCE:
        raise ExportMismatch(f"LiteRT and Keras differ by {difference}: not exported")
    check_every_length(artifact)
    (output / MODEL_NAME).write_bytes(artifact)
    card = {
        "name": "Telecardio R-peak net",
        "version": VERSION,
        "file": MODEL_NAME,
        "sha256": hashlib.sha256(artifact).hexdigest(),
        "parameters": model.count_params(),
        "inputs": described_inputs(),
        "output": "probability of an R peak at each grid step of 8 ms",
        "training": training,
        "split": {"DS1": DS1, "DS2": DS2, "paced": PACED},
        "limits": "Not a medical device: decision support only.",
        "figures": {},
    }
    (output / CARD_NAME).write_text(json.dumps(card, indent=1) + "\n")
