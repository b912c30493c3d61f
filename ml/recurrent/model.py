"""The net as Keras trains it, and its two parts as they would run."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from inference.ecg import CLASSES
from inference.ecg.beats import CHANNELS, FEATURES
from inference.ecg.types import Signal
from ml.fit import DIRECTIONS
from ml.recurrent.layer import HIDDEN, UNITS, Recurrent

SEEN = len(FEATURES) + len(CHANNELS) * DIRECTIONS
OWN = 96  # of the layer that sees one beat
DROPPED = (0.1, 0.1, 0.15)  # of that layer, the units, the last layer


def gate(x: keras.KerasTensor) -> keras.KerasTensor:
    """Return a gate between 0 and 1 that needs no exponential."""
    return 0.5 + 0.5 * ops.softsign(x)


def beat_net() -> keras.Model:
    """Return an untrained net of beats in order: [b, t, 124] -> [b, t, 5]."""
    seen = keras.Input((None, SEEN))
    own = layers.Dense(OWN, activation="relu", name="own")(seen)
    own = layers.Dropout(DROPPED[0])(own)
    units = layers.GRU(
        UNITS,
        activation="softsign",
        recurrent_activation=gate,
        dropout=DROPPED[0],
        return_sequences=True,
        name="units",
    )(own)
    both = layers.Concatenate()([own, layers.Dropout(DROPPED[1])(units)])
    hidden = layers.Dense(HIDDEN, activation="relu", name="hidden")(both)
    hidden = layers.Dropout(DROPPED[2])(hidden)
    out = layers.Dense(len(CLASSES), activation="softmax", name="last")(hidden)
    return keras.Model(seen, out)


def _behind(net: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights and biases from the first layer to the gates and beyond."""
    gates, _, gate_biases = net.get_layer("units").get_weights()
    hidden, hidden_biases = net.get_layer("hidden").get_weights()
    weight = np.concatenate((gates, hidden[:OWN]), axis=1)
    return weight, np.concatenate((gate_biases[0], hidden_biases))


def encoded_by(net: keras.Model, seen: Signal) -> Signal:
    """Return what one net makes of beats [n, 124] before its recurrent layer [n, 192].

    That is what a beat adds to the gates [144] and to the layer behind the units [48].
    """
    weight, biases = net.get_layer("own").get_weights()
    behind, behind_biases = _behind(net)
    return np.maximum(seen @ weight + biases, 0) @ behind + behind_biases


def recurrent_part(members: Sequence[keras.Model], temperature: float) -> Recurrent:
    """Return the weights of the rest of the nets; their mean gets ``temperature``."""
    units = [member.get_layer("units").get_weights() for member in members]
    hidden = [member.get_layer("hidden").get_weights()[0] for member in members]
    last = [member.get_layer("last").get_weights() for member in members]
    return Recurrent(
        gates=np.stack([own for _, own, _ in units]),
        gate_biases=np.stack([biases[1] for _, _, biases in units]),
        hidden=np.stack([weight[OWN:] for weight in hidden]),
        last=np.stack([weight for weight, _ in last]),
        last_biases=np.stack([biases for _, biases in last]),
        temperature=temperature,
    )
