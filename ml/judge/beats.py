"""Beat by beat, as ``bxb`` of the WFDB software: a match lies within 150 ms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.ecg import CLASSES
from ml.judge.reading import Reading, Span, Times

WINDOW_S = 0.150
EPSILON = 1e-6  # times are quotients of samples
MISSED = len(CLASSES)  # the row of false, the column of missed beats
Matrix = NDArray[np.int64]


def pair_beats(reference: Times, found: Times) -> NDArray[np.int64]:
    """Return for each reference beat the index of its found beat, -1 if missed.

    Both lists are walked once, in time. The earlier of the two beats at hand is
    paired if the other lies in the window and is not nearer to the beat that
    follows the earlier one (or that one has a better partner itself).
    """
    partner = np.full(len(reference), -1)
    real = [*reference.tolist(), np.inf, np.inf]
    said = [*found.tolist(), np.inf, np.inf]
    i = j = 0
    while i < len(reference) and j < len(found):
        ref, test = real[i], said[j]
        if test < ref:
            rival, across = abs(ref - said[j + 1]), abs(real[i + 1] - said[j + 1])
        else:
            rival, across = abs(test - real[i + 1]), abs(said[j + 1] - real[i + 1])
        apart = abs(ref - test)
        rival -= EPSILON
        if apart <= WINDOW_S + EPSILON and (apart < rival or across < rival):
            partner[i] = j
            i, j = i + 1, j + 1
        elif test < ref:
            j += 1
        else:
            i += 1
    return partner


def within(times: Times, spans: Sequence[Span]) -> NDArray[np.bool_]:
    """Return which times lie in one of the spans, both ends included."""
    inside = np.zeros(len(times), dtype=bool)
    for start, end in spans:
        inside |= (times >= start) & (times <= end)
    return inside


def true_classes(reference: Reading, found: Reading) -> NDArray[np.int64]:
    """Return the reference's class of each found beat.

    A false one gets MISSED, one that lies in ventricular flutter MISSED + 1.
    """
    beats = ~within(reference.times_s, reference.label("VF"))
    partner = pair_beats(reference.times_s[beats], found.times_s)
    real = np.full(len(found.times_s), MISSED)
    real[within(found.times_s, reference.label("VF"))] = MISSED + 1
    matched = partner >= 0
    real[partner[matched]] = reference.classes[beats][matched]
    return real


def confuse(
    reference: Reading,
    found: Reading,
    *,
    start_s: float = 0.0,
    only: Sequence[Span] | None = None,
) -> Matrix:
    """Return the confusion matrix [6, 6]: rows reference, columns found.

    The last column counts missed beats, the last row false ones. Left out: what
    lies before ``start_s`` or outside of the spans ``only``, and in the reference's
    ventricular flutter its beats and what was found without a partner.
    """
    flutter = reference.label("VF")

    def counts(times: Times) -> NDArray[np.bool_]:
        keep = (times >= start_s) & ~within(times, flutter)
        return keep if only is None else keep & within(times, only)

    beats = ~within(reference.times_s, flutter)
    times_s, classes = reference.times_s[beats], reference.classes[beats]
    partner = pair_beats(times_s, found.times_s)
    said = np.append(found.classes.astype(np.int64), MISSED)[partner]
    keep = counts(times_s)
    matrix = np.zeros((MISSED + 1, MISSED + 1), dtype=np.int64)
    np.add.at(matrix, (classes[keep], said[keep]), 1)
    false = np.setdiff1d(np.arange(len(found.times_s)), partner)
    false = false[counts(found.times_s[false])]
    np.add.at(matrix, (MISSED, found.classes[false]), 1)
    return matrix
