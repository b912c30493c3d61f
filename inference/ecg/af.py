"""The probability of atrial fibrillation, and what it says about beats called S.

In atrial fibrillation every interval is unlike those before it, so that many beats
look early. Ectopic beats are early too, but what surrounds them repeats. The last 64
intervals are described by how irregular they are, those around a ventricular beat
joined to what they would have been without it, and a small net gives the log odds
of fibrillation. It is trained by ``ml.af`` on intervals alone. What lies between the
beats adds to them or takes from them (``atrial``).
"""

from __future__ import annotations

import numpy as np

from inference.ecg.af_model import AF_NET
from inference.ecg.compiled import State, compiled
from inference.ecg.irregularity import (
    AF_FEATURES,
    INTERVALS,
    ROOM,
    describe_irregularity,
)
from inference.ecg.layers import Layers, log_odds
from inference.ecg.types import CLASSES, Array, Mask, Samples, Signal

KEPT = INTERVALS + 40  # joining makes them fewer
FEWEST = 12  # with fewer intervals nobody can tell
LOOK_S = 3  # the net is asked once in so many seconds
# The atrial evidence, cut off at both ends and counted from where it says nothing.
# Chosen on training2017 and svdb. Of svdb it is -5; with the P waves taken away -3.2,
# with f waves of 0.05 mV in their place -0.2, and in mere noise about the neutral.
LOWEST, HIGHEST, NEUTRAL, WEIGHT = -4.0, 2.0, -2.5, 0.6
ALWAYS_LEFT = 0.03  # share of S that is left where fibrillation is certain
NORMAL, SUPRAVENTRICULAR = CLASSES.index("N"), CLASSES.index("S")
VENTRICULAR, FUSION = CLASSES.index("V"), CLASSES.index("F")

# The last intervals in s, the latest last, NaN: unknown; whether the beat that ends
# each was called V or F; how many there are; when the net was asked last, in
# LOOK_S, and what was said.
IRREGULARITY = np.dtype(
    [
        ("intervals", "f8", (KEPT,)),
        ("ventricular", "u1", (KEPT,)),
        ("count", "i8"),
        ("look", "i8"),
        ("probability", "f8"),
    ],
    align=True,
)


@compiled
def start_irregularity(state: State) -> None:
    """Set what is not zero before the first beat."""
    state.look = -1


@compiled
def _add(state: State, interval: float, ventricular: bool) -> None:
    """Let an interval enter; several unknown ones in a row are one."""
    count = state.count
    if np.isnan(interval) and (not count or np.isnan(state.intervals[count - 1])):
        return
    if count == KEPT:
        count -= 1
        for k in range(count):
            state.intervals[k] = state.intervals[k + 1]
            state.ventricular[k] = state.ventricular[k + 1]
    state.intervals[count] = interval
    state.ventricular[count] = ventricular
    state.count = count + 1


@compiled
def join_ventricular(intervals: Array, ventricular: Mask, out: Array) -> int:
    """Write intervals [n] in s as they were without ventricular beats; return how many.

    ``ventricular`` [n] tells of the beat that ends each interval, ``out`` has room [n].
    The two intervals around a single such beat become one: half their sum, or the sum
    if that is nearer to the usual. Intervals of a run, and unknown ones, are left out.
    Our own. Delay: one interval, behind a single ventricular beat.
    """
    count, usual = 0, 0.0
    k, n = 0, len(intervals)
    while k < n:
        interval = intervals[k]
        after_one = k > 0 and ventricular[k - 1]
        step = 1
        if not np.isnan(interval) and ventricular[k]:
            single = k + 1 < n and not ventricular[k + 1] and not after_one
            if single and not np.isnan(intervals[k + 1]):
                both = interval + intervals[k + 1]
                # Nearer in ratio than half of it is.
                whole = usual > 0 and both * both < 2 * usual * usual
                out[count] = both if whole else both / 2
                count += 1
                step = 2
        elif not np.isnan(interval) and not after_one:
            out[count] = interval
            count += 1
            bounded = min(max(interval, 0.6 * usual), 1.6 * usual)
            usual = interval if usual == 0 else usual + 0.2 * (bounded - usual)
        k += step
    return count


@compiled
def interval_log_odds(row: Array, room: Array, net: Layers) -> float:
    """Return the log odds of fibrillation of 12 to 64 intervals [n] in s.

    ``room`` [2, 64] is there to work in, ``net`` is AF_NET. Our own; ``ml.af`` trained
    it.
    """
    features = np.empty(len(AF_FEATURES))
    describe_irregularity(row, room, features)
    return log_odds(features, net)


@compiled
def atrial_log_odds(evidence: float) -> float:
    """Return what the atrial evidence adds to the log odds; 0 if it is unknown."""
    if np.isnan(evidence):
        return 0.0
    return WEIGHT * (min(max(evidence, LOWEST), HIGHEST) - NEUTRAL)


@compiled
def _look(state: State, post: float, evidence: float, net: Layers) -> float:
    """Return the probability around the latest beat; ``post`` follows it."""
    intervals = np.append(state.intervals[: state.count], post)
    ventricular = np.zeros(len(intervals), np.bool_)
    for k in range(state.count):
        ventricular[k] = state.ventricular[k] != 0
    joined, room = np.empty(len(intervals)), np.empty(ROOM)
    count = join_ventricular(intervals, ventricular, joined)
    if count < FEWEST:
        return 0.0
    row = joined[max(count - INTERVALS, 0) : count]
    score = interval_log_odds(row, room, net) + atrial_log_odds(evidence)
    return float(1 / (1 + np.exp(-score)))


@compiled
def follow_irregularity(
    state: State,
    samples: Samples,
    pre_s: Array,
    post_s: Array,
    probabilities: Signal,
    evidence: Array,
    fs: int,
    net: Layers,
) -> Array:
    """Return the probability of fibrillation at each beat [n]; updates ``state``.

    ``samples`` [n] at ``fs`` Hz, ``pre_s`` and ``post_s`` [n] the intervals around
    each beat in s (NaN: unknown), ``probabilities`` [n, 5] of its classes,
    ``evidence`` [n] of ``atrial_evidence`` (NaN: unknown), ``net`` AF_NET. 0 while
    fewer than 12 intervals are known. Delay: it is renewed every 3 s, and looks back
    over 64 intervals, so it changes sides about 32 beats late.
    """
    out = np.empty(len(samples))
    for k in range(len(samples)):
        called = np.argmax(probabilities[k])
        _add(state, pre_s[k], called in (VENTRICULAR, FUSION))
        look = samples[k] // (LOOK_S * fs)
        if look != state.look:
            state.look = look
            state.probability = _look(state, post_s[k], evidence[k], net)
        out[k] = state.probability
    return out


def af_probability(
    samples: Samples,
    pre_s: Array,
    post_s: Array,
    probabilities: Signal,
    evidence: Array,
    fs: int,
) -> Array:
    """Return the probability of fibrillation at each beat [n] of a whole record.

    ``samples`` [n] at ``fs`` Hz, ``pre_s`` and ``post_s`` [n] in s, ``probabilities``
    [n, 5], and the delay, are those of ``follow_irregularity``.
    """
    state = np.zeros(1, IRREGULARITY)[0]
    start_irregularity(state)
    rows = samples, pre_s, post_s, probabilities, evidence
    return follow_irregularity(state, *rows, fs, AF_NET)


@compiled
def gate(probabilities: Signal, af: Array) -> Signal:
    """Return class probabilities [n, 5] that believe in S less where AF is likely.

    ``af`` [n] is its probability. Of a beat called S, the share min(1, 1.03 - af) is
    left and the rest goes to N; if that would let another class win, all of it goes. So
    a beat called V, F or Q stays what it was, and none becomes one. Our own.
    """
    out = probabilities.copy()
    for k in range(len(out)):
        if np.argmax(out[k]) != SUPRAVENTRICULAR:
            continue
        early = out[k, SUPRAVENTRICULAR]
        left = early * np.float32(min(1.0, 1.0 + ALWAYS_LEFT - af[k]))
        if left < out[k, SUPRAVENTRICULAR + 1 :].max():
            left = np.float32(0.0)
        out[k, NORMAL] += early - left
        out[k, SUPRAVENTRICULAR] = left
    return out
