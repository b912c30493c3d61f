"""The R-peak net: a convolution over frames of 40 ms, about 18,000 parameters."""

from __future__ import annotations

import keras
from keras import layers

from inference.ecg.heat import CONTEXT, FRAME, FUTURE, PAST

CHANNELS = 24
STEM = 25  # grid steps of the first filters, 200 ms
# Dilations in frames. Centred ones look both ways; the others only back, and give
# the net the last beats to compare with.
BLOCKS = (
    (1, "centred"),
    (2, "centred"),
    (4, "centred"),
    (8, "back"),
    (16, "back"),
    (32, "back"),
    (4, "centred"),
    (1, "centred"),
)


def _spans() -> tuple[int, int]:
    """Return how many frames the net sees before and after one."""
    both = STEM // FRAME // 2 + sum(d for d, side in BLOCKS if side == "centred")
    return both + sum(2 * d for d, side in BLOCKS if side == "back"), both


assert tuple(FRAME * frames for frames in _spans()) == (PAST, FUTURE)


def build(channels: int = CHANNELS, length: int | None = None) -> keras.Model:
    """Return the untrained net: normalised signal [W] to W - CONTEXT logits.

    Nothing is padded, so an answer is the same in a window of any length.
    """
    signal = keras.Input((length,), name="windows")
    x = layers.Reshape((-1, FRAME))(signal)
    x = layers.Conv1D(channels, STEM // FRAME, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for dilation, side in BLOCKS:
        y = layers.Conv1D(channels, 3, dilation_rate=dilation, use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        cut = (dilation, dilation) if side == "centred" else (2 * dilation, 0)
        x = layers.Add()([layers.Cropping1D(cut)(x), y])
    x = layers.Conv1D(FRAME, 1)(x)
    return keras.Model(signal, layers.Reshape((-1, 1))(x), name="r_peak_cnn")


__all__ = ["CONTEXT", "build"]
