"""What the R-peak net sees of a record, and in which pieces.

The net is a pure convolution: its answer for one grid step depends on the steps
``[step - PAST, step + FUTURE]`` of the normalised signal and on nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.medians import nth
from inference.ecg.types import Detect, Mask, Real, Signal

LONG_S = 60  # of files the net is asked for a minute at once, live for a second
FRAME = 5  # grid steps that the net answers together
PAST = 630  # grid steps, 5.04 s, that the net sees before a step,
FUTURE = 70  # and 0.56 s after its frame
CONTEXT = PAST + FUTURE
BLOCK = 125
LAG = 10  # blocks of a second end so many steps early: no fs keeps them waiting

BLOCKS = 10  # the scale is the median peak-to-peak of so many seconds,
FALL = 0.85  # falls by at most this factor in a second, so that a pause stays one,
# nor below this share of what it was lately, so that the noise of a silent heart is not
# shown as large as beats,
FLOOR = 0.25
FORGET = 0.99  # of "lately", in a second
LEAST_MV = 0.04  # and is no smaller than any QRS
LIMIT = 4.0  # of the normalised signal, in its usual peak-to-peak

HEAT = np.dtype(
    [
        ("step", "i8"),  # grid step of the first pending one
        ("pending", "f4", (2 * BLOCK,)),  # band-passed, not yet a whole block
        ("pending_blind", "u1", (2 * BLOCK,)),
        ("pending_count", "i8"),
        ("ranges", "f8", (BLOCKS,)),  # peak-to-peak of the last readable seconds
        ("ranges_count", "i8"),
        ("scale", "f8"),
        ("slow", "f8"),
        ("seen", "f4", (CONTEXT,)),  # the last normalised steps
    ],
    align=True,
)


@compiled
def start_heat(state: State) -> None:
    """Begin a record: the first block holds ``LAG`` steps that never were."""
    state.step = -LAG
    state.pending_count = LAG


@compiled
def normalise(state: State, band: Real, blind: Mask, first: int) -> Signal:
    """Return what the net needs for the next answers, float32[CONTEXT + 125 * m].

    ``band`` [n] are the next steps of the band-passed signal in mV; ``blind`` tells
    from grid step ``first`` on which steps are unreadable. Each whole block is
    divided by the usual peak-to-peak, its own included, and clipped to +-4; m whole
    blocks settle 125 * m answers, of which the first belongs to grid step
    ``state.step - 125 * m - FUTURE`` afterwards. Our own; updates ``state`` (HEAT).
    Delay: the block itself, which ends 80 ms before a second does.
    """
    pending, unreadable = state.pending, state.pending_blind
    count, at = state.pending_count, CONTEXT
    out = np.empty(CONTEXT + (count + len(band)) // BLOCK * BLOCK, np.float32)
    out[:CONTEXT] = state.seen
    for k in range(len(band)):
        place = state.step + count - first
        pending[count] = band[k]
        unreadable[count] = 0 <= place < len(blind) and blind[place]
        count += 1
        if count == BLOCK:
            scale = _scale(state)
            for j in range(BLOCK):
                out[at + j] = min(max(pending[j] / scale, -LIMIT), LIMIT)
            at += BLOCK
            state.step += BLOCK
            count = 0
    # What is used up is 0, so that equal states are equal bytes.
    pending[count:] = 0.0
    unreadable[count:] = 0
    state.pending_count = count
    state.seen[:] = out[len(out) - CONTEXT :]
    return out


@compiled
def _scale(state: State) -> float:
    """Return the scale of the whole block that is pending."""
    pending = state.pending
    low, high = np.inf, -np.inf
    unreadable = 0
    for j in range(BLOCK):
        low, high = min(low, pending[j]), max(high, pending[j])
        unreadable += state.pending_blind[j]
    if 2 * unreadable > BLOCK:
        return float(max(state.scale, LEAST_MV))
    # In steps of 1 nV: so two histories soon agree.
    state.ranges[:-1] = state.ranges[1:].copy()
    state.ranges[-1] = round(high - low, 6)
    state.ranges_count = min(state.ranges_count + 1, BLOCKS)
    known = state.ranges_count
    usual = nth(state.ranges[BLOCKS - known :].copy(), known // 2)
    state.slow = max(usual, round(FORGET * state.slow, 6))
    floor = max(FLOOR * state.slow, LEAST_MV)
    state.scale = max(usual, FALL * state.scale, floor)
    return float(state.scale)


def ask(detect: Detect, shown: Sequence[Signal]) -> list[Signal]:
    """Return the net's answers float32[125 * m] to what ``normalise`` gave.

    ``shown`` are float32[CONTEXT + 125 * m] of any records, the answers probabilities
    of an R peak at each step. Whole minutes are asked for at once and the rest by the
    second: the answers are the same, and both lengths can be asked for all records
    together. Delay: an answer needs 0.56 s of signal after its frame of 40 ms.
    """
    heats = [np.empty(max(len(row) - CONTEXT, 0), np.float32) for row in shown]
    for seconds in (LONG_S, 1):
        length = seconds * BLOCK
        places = [
            (k, at)
            for k, heat in enumerate(heats)
            for at in range(*_span(len(heat), seconds), length)
        ]
        if not places:
            continue
        windows = np.stack([shown[k][at : at + CONTEXT + length] for k, at in places])
        for (k, at), answer in zip(places, detect(windows), strict=True):
            heats[k][at : at + length] = answer
    return heats


def _span(count: int, seconds: int) -> tuple[int, int]:
    """Return which of ``count`` answers are asked for in windows of ``seconds``."""
    whole = count // (LONG_S * BLOCK) * (LONG_S * BLOCK)
    return (0, whole) if seconds == LONG_S else (whole, count)
