"""The patient's own normal beat, learned while it runs and without labels."""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.grid import WINDOW
from inference.ecg.types import Real
from inference.ecg.windows import correlation, qrs_width_s

FIRST_BEATS = 10
KEPT_BEATS = 20
MATCH = 0.85
SLOWEST = 32  # a beat counts for 1/32 at least
MATCHES = 40  # beats whose match is remembered;
RESTART = 30  # so many without one start the template afresh

TEMPLATE = np.dtype(
    [
        ("template", "f4", (WINDOW,)),
        ("recent", "f4", (KEPT_BEATS, WINDOW)),  # the last windows, the latest last
        ("seen", "i8"),  # beats, up to FIRST_BEATS
        ("weight", "i8"),
        ("unmatched", "i8"),  # one bit per beat, the last one lowest
    ],
    align=True,
)


@compiled
def _learn_medoid(state: State, count: int) -> None:
    """Take the latest window most like the ``count`` latest, a narrow QRS preferred."""
    alike = np.ones(count)
    rows = state.recent[KEPT_BEATS - count :]
    for i in range(count):
        for j in range(i):
            like = correlation(rows[i], rows[j])
            alike[i] += like
            alike[j] += like
    best, most = 0, -np.inf
    for i in range(count):
        value = alike[i] / count - 0.8 * qrs_width_s(rows[i])
        if value > most:
            best, most = i, value
    for k in range(WINDOW):
        state.template[k] = rows[best, k]


@compiled
def _unmatched(state: State) -> int:
    """Return how many of the remembered beats did not match."""
    bits, count = state.unmatched, 0
    while bits:
        bits &= bits - 1
        count += 1
    return count


@compiled
def follow_template(state: State, window: Real, ratio: float, template: Real) -> float:
    """Write the template [96] in mV that a beat is compared with to ``template``.

    ``window`` is the beat's [96] in mV and ``ratio`` its pre-RR over the local
    reference: only beats in time teach. The first 10 beats are compared with the
    medoid of those so far; a record whose beats stop matching starts afresh from
    the last 20. Our own. Causal. Updates ``state`` (TEMPLATE); returns the correlation.
    """
    recent = state.recent
    for row in range(KEPT_BEATS - 1):
        for k in range(WINDOW):
            recent[row, k] = recent[row + 1, k]
    for k in range(WINDOW):
        recent[KEPT_BEATS - 1, k] = window[k]
    first = state.seen < FIRST_BEATS
    if first:
        state.seen += 1
        state.weight = state.seen
        _learn_medoid(state, state.seen)
    for k in range(WINDOW):
        template[k] = state.template[k]
    like = correlation(window, template)
    if first:
        return like
    alike = like > MATCH
    state.unmatched = (state.unmatched << 1 | (not alike)) & ((1 << MATCHES) - 1)
    if alike and 0.8 < ratio < 1.3:
        state.weight = min(state.weight + 1, SLOWEST)
        # In 4 bytes two histories of one patient soon agree to the last bit.
        for k in range(WINDOW):
            old = np.float64(template[k])
            state.template[k] = old + (window[k] - old) / state.weight
    elif _unmatched(state) >= RESTART:
        _learn_medoid(state, KEPT_BEATS)
        state.weight, state.unmatched = KEPT_BEATS, 0
    return like
