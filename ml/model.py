"""The beat CNN: about 12,000 parameters, larger nets were worse on new patients."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from inference.ecg import CLASSES
from inference.ecg.beats import CHANNELS, FEATURES
from inference.ecg.grid import WINDOW


def build(mean: NDArray[np.float32], deviation: NDArray[np.float32]) -> keras.Model:
    """Return the untrained net: windows [96, 2] and features [F] to 5 probabilities.

    ``mean`` and ``deviation`` [F] of the training features become part of it, so
    the exported model takes features as they are measured.
    """
    window = keras.Input((WINDOW, len(CHANNELS)), name="windows")
    measured = keras.Input((len(FEATURES),), name="features")

    x = window
    for filters, width, pool in ((16, 7, 2), (24, 5, 2), (32, 3, 4)):
        x = layers.Conv1D(filters, width, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling1D(pool)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(24, activation="relu")(x)

    f = layers.Normalization(mean=mean, variance=deviation**2)(measured)
    f = layers.ReLU(max_value=12.0)(layers.Rescaling(1.0, offset=6.0)(f))
    f = layers.Rescaling(1.0, offset=-6.0)(f)  # clipped to +-6
    f = layers.GaussianNoise(0.1)(f)

    x = layers.Concatenate()([x, f])
    x = layers.Dense(32, activation="relu")(x)
    x = layers.Dropout(0.15)(x)
    out = layers.Dense(len(CLASSES), activation="softmax", name="probabilities")(x)
    return keras.Model([window, measured], out, name="beat_cnn")
