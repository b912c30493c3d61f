"""R peaks from the net's heat map and the votes of the classical detector.

Every decision is taken at a fixed distance on the sample clock, never at the end of
a call, so that it does not matter how the signal was cut.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.detector import DELAY, NEVER
from inference.ecg.expected import EXPECTED, expect, remember_r_peak
from inference.ecg.filters import BAND_DELAY
from inference.ecg.heat import FUTURE, LAG
from inference.ecg.types import Mask, Samples, Signal

APART = 25  # two R peaks lie 200 ms apart or more
LEAST = 0.08  # lower maxima are none
ALONE = 0.46  # probability from which the net is believed alone,
VOTED = 0.10  # or with a vote of the classical detector, while it has no doubts;
ALONE_DOUBT, VOTED_DOUBT = 0.85, 0.6  # both rise with its doubts,
HIGHEST = 0.9  # up to here
DOUBTS = 48  # maxima whose doubts count; 0 for 0 or 1, 1 for one half
# Both change by this where a regular heart would be early, is due, or is late,
EARLY, DUE, LATE = 0.22, -0.25, 0.10
# the first between these doubts, so that the first beat of a run is found where all is
# clear, and the others with doubts up to RESTLESS.
SOME_DOUBT, MUCH_DOUBT, RESTLESS = 0.12, 0.17, 0.15
NEAR = 12  # a vote counts within 96 ms
IN_TIME = 50  # grid steps after an R peak at which a vote must have been cast
TO_BAND = DELAY - BAND_DELAY  # from the maximum of a QRS's energy to the QRS
VOTES = 16  # kept; more do not fit into the time that a decision takes

FUSION = np.dtype(
    [
        ("end", "i8"),  # grid step after the last one of the heat map
        ("tail", "f4", (2 * APART,)),
        ("votes", "i8", (VOTES, 2)),
        ("votes_count", "i8"),
        ("doubts", "f8", (DOUBTS,)),  # of the last maxima, latest last
        ("expected", EXPECTED),
    ],
    align=True,
)


@compiled
def start_fusion(state: State) -> None:
    """Set the state before the first grid step."""
    state.end = -LAG - FUTURE


@compiled
def fusion_frontier(state: State) -> int:
    """Return the grid step before which no further R peak can be found."""
    return int(state.end - APART)


@compiled
def fuse(
    state: State,
    heat: Signal,
    votes: Samples,
    blind: Mask,
    first: int,
) -> Samples:
    """Return the grid steps int64[k] of the R peaks that ``heat`` [n] settles.

    ``heat`` are probabilities that go on where the last call ended; ``votes`` [v, 2]
    are what the classical detector's ``find_votes`` gave: one counts only if it was
    cast so soon that it is known however the signal is cut. ``blind`` tells from step
    ``first`` on which steps are unreadable: there is no R peak in them. Our own;
    updates ``state`` (FUSION). Delay: an R peak is decided with 200 ms of heat map,
    0.84 s of signal, after it.
    """
    buffer = np.empty(2 * APART + len(heat), np.float32)
    buffer[: 2 * APART] = state.tail
    buffer[2 * APART :] = heat
    start = state.end - 2 * APART  # of the buffer
    end = state.end + len(heat)
    buffer[2 * APART : min(max(-start, 2 * APART), len(buffer))] = 0.0
    for step in range(max(first, state.end), min(first + len(blind), end)):
        if blind[step - first]:
            buffer[step - start] = 0.0
    cast = np.concatenate((state.votes[: state.votes_count], votes))
    found = np.empty(len(heat) // APART + 2, np.int64)
    count = 0
    for at in range(APART, APART + len(heat)):
        if buffer[at] < LEAST or not _is_maximum(buffer, at):
            continue
        voted = _has_vote(cast, start + at)
        if _is_believed(state, buffer[at], voted, start + at):
            remember_r_peak(state.expected, start + at)
            found[count] = start + at
            count += 1
    state.end = end
    state.tail[:] = buffer[len(heat) :]
    _keep_votes(state, cast)
    return found[:count].copy()


@compiled
def _is_maximum(heat: Signal, at: int) -> bool:
    """Tell whether no step within 200 ms is more probable; of equals, the first."""
    height = heat[at]
    if height < LEAST or height <= heat[at - 1] or height < heat[at + 1]:
        return False
    for k in range(1, APART + 1):
        if heat[at - k] >= height or heat[at + k] > height:
            return False
    return True


@compiled
def _is_believed(state: State, height: float, voted: bool, step: int) -> bool:
    """Tell whether a maximum is an R peak, and remember the doubts about it.

    In noise the net often says neither yes nor no: then it is to be sure, and less
    so where a regular heart is to beat.
    """
    doubt = 0.0
    for k in range(DOUBTS):
        doubt += state.doubts[k]
    doubt /= DOUBTS
    noisy = min(max((doubt - SOME_DOUBT) / (MUCH_DOUBT - SOME_DOUBT), 0.0), 1.0)
    restless = min(doubt / RESTLESS, 1.0)
    change = expect(
        state.expected, step, EARLY * noisy, DUE * restless, LATE * restless
    )
    least = min(ALONE + ALONE_DOUBT * doubt + change, HIGHEST)
    if voted:
        least = min(VOTED + VOTED_DOUBT * doubt + change, least)
    for k in range(DOUBTS - 1):
        state.doubts[k] = state.doubts[k + 1]
    state.doubts[DOUBTS - 1] = 2.0 * min(height, 1.0 - height)
    return height >= least


@compiled
def _has_vote(cast: Samples, step: int) -> bool:
    """Tell whether the classical detector knew of an R peak here in time."""
    for k in range(len(cast)):
        beside = abs(cast[k, 0] - TO_BAND - step)
        if beside <= NEAR and cast[k, 1] <= step + IN_TIME:
            return True
    return False


@compiled
def _keep_votes(state: State, cast: Samples) -> None:
    """Keep the votes that an R peak to come may need."""
    count = 0
    state.votes[:] = 0
    for k in range(len(cast)):
        needed = cast[k, 0] - TO_BAND >= state.end - APART - NEAR
        if needed and cast[k, 1] != NEVER and count < VOTES:
            state.votes[count] = cast[k]
            count += 1
    state.votes_count = count
