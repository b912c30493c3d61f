"""Where the heart beats: adaptive thresholds on the maxima of the QRS energy.

The classical detector of the design study (after Pan and Tompkins, IEEE Trans
Biomed Eng 32(3):230-236, 1985). Every decision is taken at a fixed distance on
the sample clock, never at the end of a call, so that it does not matter how the
signal was cut.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.filters import SMOOTH_HALF
from inference.ecg.types import Array, Mask, Samples

APART = 28  # a maximum is the highest within so many grid steps on both sides
THRESHOLD = 0.29
BETA = 0.13
CAP = 1.7
QUIET_NOISE, QUIET_BETA = 0.15, 0.02
REFRACTORY = 25
T_WAVE = 40
T_WAVE_RATIO = 0.79
SEARCH_GAP = 1.50
SEARCH_FACTOR = 0.62
SEARCH_AGE = 115  # an R peak is final at most 1 s after it
QUIET = 262  # after 2.1 s without a beat the threshold decays,
QUIET_HALF_LIFE = 250.0
LOWEST = 0.15  # but never below this share of the signal level
FLOOR_MV = 0.012  # a QRS of less than about 40 uV is none
CONTRAST = 1.5  # a QRS stands out of its surroundings; mains hum does not
LEARN = 375
BLIND_RELEARN = 1250
DELAY = 4  # grid steps from a QRS to the maximum of its energy
NEVER = 1 << 60

# Maxima of equal height may lie closer than APART: of more than these, which no
# heart makes, the later ones are not learned from.
WAITING = 32
REJECTED = 16  # the last ones: more than SEARCH_AGE can hold
INTERVALS = 8

MAXIMUM = np.dtype([("step", "i8"), ("height", "f8")], align=True)

# Levels, the last beats, and what may still become one. ``blind_from`` is the start
# of the unreadable stretch we are in, or -1, ``reference`` the end of the last one.
# What a list no longer holds is 0, so that equal states are equal bytes.
DETECTOR = np.dtype(
    [
        ("tail", "f8", (2 * APART,)),
        ("end", "i8"),
        ("blind_from", "i8"),
        ("learn_from", "i8"),
        ("learned", "i8"),
        ("signal", "f8"),
        ("noise", "f8"),
        ("last", "i8"),
        ("last_height", "f8"),
        ("reference", "i8"),
        ("search_at", "i8"),
        ("waiting", MAXIMUM, (WAITING,)),
        ("waiting_count", "i8"),
        ("rejected", MAXIMUM, (REJECTED,)),
        ("rejected_count", "i8"),
        ("rr", "i8", (INTERVALS,)),
        ("rr_count", "i8"),
    ],
    align=True,
)


@compiled
def start_detector(state: State) -> None:
    """Set the state before the first grid step."""
    state.end = -SMOOTH_HALF
    state.blind_from = state.last = state.search_at = -1


@compiled
def frontier(state: State) -> int:
    """Return the grid step before which no further maximum can become an R peak.

    It counts like the energy: a QRS lies ``DELAY`` steps before its maximum.
    """
    settled: int = state.end - APART
    if state.blind_from >= 0:
        return settled
    if not state.learned:
        settled = min(settled, state.learn_from)
    elif state.search_at >= 0:
        settled = min(settled, max(state.last, state.search_at - SEARCH_AGE))
    return settled


@compiled
def find_r_peaks(state: State, energy: Array, blind: Mask, first: int) -> Samples:
    """Return the grid steps int64[k] of the R peaks that ``energy`` [n] settles.

    ``blind`` tells from step ``first`` on which steps are unreadable; ``energy`` goes
    on where the last call ended. Updates ``state`` (DETECTOR). Delay: 0.4 s, up to 1 s
    for a beat found by searching back, 3 s while levels are learned. Adaptive levels, T
    waves and searching back after Pan and Tompkins (1985), the figures our own.
    """
    return find_votes(state, energy, blind, first)[:, 0].copy()


@compiled
def find_votes(state: State, energy: Array, blind: Mask, first: int) -> Samples:
    """Return what ``find_r_peaks`` does, and when each was known: int64[k, 2].

    An R peak is known at the step at which it was decided, counted like ``energy`` [n];
    those of the time in which levels are learned count as never known. Delay as there.
    """
    buffer = np.empty(2 * APART + len(energy))
    buffer[: 2 * APART] = state.tail
    buffer[2 * APART :] = energy
    start = state.end - 2 * APART
    state.end += len(energy)
    state.tail[:] = buffer[len(energy) :]
    # How many were found, then the rows; each maximum is found once.
    found = np.empty((1 + len(energy) + WAITING + REJECTED, 2), np.int64)
    found[0] = 0
    # Steps settled by this call, each by exactly one call: [begin, done).
    begin, done = max(start + APART, 0), state.end - APART
    if done <= begin:
        return found[1:1]
    for step in range(begin, done):
        if blind[step - first]:
            if state.blind_from < 0:
                _go_blind(state, step, found)
            continue
        if state.blind_from >= 0:
            _see_again(state, step)
        if _is_maximum(buffer, step - start):
            _offer(state, step, buffer[step - start], found)
    if state.blind_from < 0:
        if not state.learned and done >= state.learn_from + LEARN:
            _learn(state, found)
        _search_back(state, done - 1, found)
    return found[1 : 1 + found[0, 0]].copy()


@compiled
def _is_maximum(energy: Array, at: int) -> bool:
    """Tell whether nothing near is higher and the surroundings are lower."""
    height = energy[at]
    if height <= FLOOR_MV or height <= energy[at - 1] or height < energy[at + 1]:
        return False
    lowest = height
    for k in range(at - APART, at + APART + 1):
        if energy[k] > height:
            return False
        lowest = min(lowest, energy[k])
    return bool(height > CONTRAST * lowest)


@compiled
def _go_blind(state: State, step: int, found: Samples) -> None:
    """Settle what was open when the signal becomes unreadable."""
    if not state.learned and state.waiting_count:
        _learn(state, found)
    _search_back(state, step - 1, found)
    state.blind_from, state.search_at = step, -1
    _keep_rejected(state, state.rejected_count)


@compiled
def _see_again(state: State, step: int) -> None:
    """Go on behind an unreadable stretch; learn afresh if it was long."""
    if step - state.blind_from >= BLIND_RELEARN or not state.learned:
        state.learned, state.learn_from = 0, step
        state.rr[:] = 0
        state.rr_count = 0
    state.blind_from, state.reference = -1, step


@compiled
def _offer(state: State, step: int, height: float, found: Samples) -> None:
    if not state.learned:
        if step < state.learn_from + LEARN:
            if state.waiting_count < WAITING:
                state.waiting[state.waiting_count].step = step
                state.waiting[state.waiting_count].height = height
                state.waiting_count += 1
            return
        _learn(state, found)
    _search_back(state, step, found)
    _judge(state, step, height, found)


@compiled
def _learn(state: State, found: Samples) -> None:
    """Set the levels from the first 3 s, then judge what waited."""
    waiting = state.waiting[: state.waiting_count].copy()
    heights = np.sort(waiting.height)
    loud = np.zeros(LEARN // 125)
    for row in waiting:
        second = (row.step - state.learn_from) // 125
        loud[second] = max(loud[second], row.height)
    loud = np.sort(loud[loud > 0.0])
    state.signal = loud[len(loud) // 2] if len(loud) else 0.0
    state.noise = 0.5 * heights[len(heights) // 4] if len(heights) else 0.0
    state.noise = min(state.noise, 0.3 * state.signal)
    state.learned, state.learn_from = 1, 0
    state.waiting.step[:] = 0
    state.waiting.height[:] = 0.0
    state.waiting_count = 0
    before = found[0, 0]
    for row in waiting:
        _search_back(state, row.step, found)
        _judge(state, row.step, row.height, found)
    found[1 + before : 1 + found[0, 0], 1] = NEVER


@compiled
def _threshold(state: State, step: int) -> float:
    level = state.noise + THRESHOLD * (state.signal - state.noise)
    quiet = step - max(state.last, state.reference) - QUIET
    if quiet > 0:
        level *= 0.5 ** (quiet / QUIET_HALF_LIFE)
    return float(max(level, LOWEST * state.signal))


@compiled
def _judge(state: State, step: int, height: float, found: Samples) -> None:
    known = state.last >= 0
    since = step - state.last
    is_t_wave = known and since < T_WAVE and height < T_WAVE_RATIO * state.last_height
    ready = not known or since >= REFRACTORY
    if height > _threshold(state, step) and ready and not is_t_wave:
        _accept(state, step, height, step, found)
        return
    state.noise = _moved(state.noise, min(height, state.signal), BETA)
    if not known or since >= T_WAVE:
        if state.rejected_count == REJECTED:
            _keep_rejected(state, 1)
        state.rejected[state.rejected_count].step = step
        state.rejected[state.rejected_count].height = height
        state.rejected_count += 1


@compiled
def _keep_rejected(state: State, start: int) -> None:
    """Forget the rejected maxima before the one at ``start``."""
    left = state.rejected_count - start
    for k in range(REJECTED):
        kept = k < left
        state.rejected[k].step = state.rejected[start + k].step if kept else 0
        state.rejected[k].height = state.rejected[start + k].height if kept else 0.0
    state.rejected_count = left


@compiled
def _accept(state: State, step: int, height: float, now: int, found: Samples) -> None:
    if state.last >= state.reference and state.last >= 0:
        if state.rr_count == INTERVALS:
            state.rr[:-1] = state.rr[1:].copy()
            state.rr_count -= 1
        state.rr[state.rr_count] = step - state.last
        state.rr_count += 1
    state.reference = 0  # from here on this beat is the reference
    state.signal = _moved(state.signal, min(height, CAP * state.signal), BETA)
    # Where nothing is rejected, the noise is low.
    state.noise = _moved(state.noise, QUIET_NOISE * state.signal, QUIET_BETA)
    state.last, state.last_height = step, height
    older = 0
    while older < state.rejected_count and state.rejected[older].step < step + T_WAVE:
        older += 1
    _keep_rejected(state, older)
    state.search_at = -1
    if state.rr_count >= 3:
        state.search_at = step + int(SEARCH_GAP * _usual_rr(state))
    found[0, 0] += 1
    found[found[0, 0], 0] = step
    found[found[0, 0], 1] = now


@compiled
def _moved(level: float, towards: float, share: float) -> float:
    """Return a running mean, in steps of 1 nV: so two histories soon agree."""
    return round(level + share * (towards - level), 6)


@compiled
def _search_back(state: State, now: int, found: Samples) -> None:
    """Take the best rejected maximum where a beat is overdue."""
    while 0 <= state.search_at <= now:
        at = state.search_at
        best, best_height = -1, SEARCH_FACTOR * _threshold(state, state.last)
        for k in range(state.rejected_count):
            step, height = state.rejected[k].step, state.rejected[k].height
            if at - SEARCH_AGE <= step <= at and height > best_height:
                best, best_height = step, height
        if best >= 0:
            _accept(state, best, best_height, at, found)
        elif at - state.last < 4 * _usual_rr(state):
            state.search_at = at + max(int(0.25 * _usual_rr(state)), 10)
        else:
            state.search_at = -1


@compiled
def _usual_rr(state: State) -> float:
    """Return the median of the last intervals, in grid steps."""
    ordered = np.sort(state.rr[: state.rr_count])
    half = len(ordered) // 2
    return float((ordered[half] + ordered[-half - 1]) / 2)
