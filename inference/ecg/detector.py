"""Where the heart beats: adaptive thresholds on the maxima of the QRS energy.

The classical detector of the design study (after Pan and Tompkins, IEEE Trans
Biomed Eng 32(3):230-236, 1985). Every decision is taken at a fixed distance on
the sample clock, never at the end of a call, so that it does not matter how the
signal was cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from inference.ecg.filters import SMOOTH_HALF
from inference.ecg.types import Array, Mask

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


@dataclass
class DetectorState:
    """Levels, the last beats, and what may still become one."""

    tail: Array = field(default_factory=lambda: np.zeros(2 * APART))
    end: int = -SMOOTH_HALF
    blind_from: int = -1  # start of the unreadable stretch we are in, or -1
    learn_from: int = 0
    learned: bool = False
    waiting: list[list[float]] = field(default_factory=list)
    signal: float = 0.0
    noise: float = 0.0
    last: int = -1
    last_height: float = 0.0
    reference: int = 0  # end of the last unreadable stretch
    search_at: int = -1
    rr: list[int] = field(default_factory=list)
    rejected: list[list[float]] = field(default_factory=list)

    @property
    def frontier(self) -> int:
        """Grid step before which no further maximum can become an R peak."""
        settled = self.end - APART
        if self.blind_from >= 0:
            return settled
        if not self.learned:
            return min(self.learn_from, settled)
        if self.search_at >= 0:
            return min(settled, max(self.last, self.search_at - SEARCH_AGE))
        return settled


def find_r_peaks(
    state: DetectorState, energy: Array, blind: Mask, first: int
) -> list[int]:
    """Return the grid steps of the R peaks that ``energy`` settles.

    ``blind`` tells from step ``first`` on which steps are unreadable. Delay:
    0.4 s, up to 1 s for a beat found by searching back, 3 s while levels are
    learned. Updates ``state``.
    """
    buffer = np.concatenate((state.tail, energy))
    start = state.end - len(state.tail)
    state.end += len(energy)
    state.tail = buffer[len(buffer) - 2 * APART :].copy()
    if not len(energy):
        return []
    inner = slice(APART, len(buffer) - APART)
    highest = maximum_filter1d(buffer, 2 * APART + 1, mode="nearest")[inner]
    lowest = minimum_filter1d(buffer, 2 * APART + 1, mode="nearest")[inner]
    values = buffer[inner]
    is_peak = (values == highest) & (values > buffer[APART - 1 : -APART - 1])
    is_peak &= (values > FLOOR_MV) & (values > CONTRAST * lowest)
    # Steps settled by this call, each by exactly one call: [begin, done).
    begin, done = max(start + APART, 0), state.end - APART
    if done <= begin:
        return []
    can_be = is_peak[begin - start - APART :]
    seen = blind[begin - first : done - first]
    was = np.concatenate(([state.blind_from >= 0], seen[:-1]))
    events = np.flatnonzero((seen != was) | (can_be & ~seen)).tolist()
    found: list[int] = []
    for event in events:
        step = begin + event
        if seen[event] and not was[event]:
            _go_blind(state, step, found)
            continue
        if was[event] and not seen[event]:
            _see_again(state, step)
        if can_be[event]:
            _offer(state, step, float(buffer[step - start]), found)
    if state.blind_from < 0:
        if not state.learned and done >= state.learn_from + LEARN:
            _learn(state, found)
        _search_back(state, done - 1, found)
    return found


def _go_blind(state: DetectorState, step: int, found: list[int]) -> None:
    """Settle what was open when the signal becomes unreadable."""
    if not state.learned and state.waiting:
        _learn(state, found)
    _search_back(state, step - 1, found)
    state.blind_from = step
    state.rejected.clear()
    state.search_at = -1


def _see_again(state: DetectorState, step: int) -> None:
    """Go on behind an unreadable stretch; learn afresh if it was long."""
    if step - state.blind_from >= BLIND_RELEARN or not state.learned:
        state.learned, state.learn_from = False, step
        state.rr.clear()
    state.blind_from, state.reference = -1, step


def _offer(state: DetectorState, step: int, height: float, found: list[int]) -> None:
    if not state.learned:
        if step < state.learn_from + LEARN:
            state.waiting.append([step, height])
            return
        _learn(state, found)
    _search_back(state, step, found)
    _judge(state, step, height, found)


def _learn(state: DetectorState, found: list[int]) -> None:
    """Set the levels from the first 3 s, then judge what waited."""
    waiting = [(int(step), height) for step, height in state.waiting]
    seconds = [
        max((h for s, h in waiting if (s - state.learn_from) // 125 == k), default=0.0)
        for k in range(3)
    ]
    heights = sorted(height for _, height in waiting)
    loud = [height for height in seconds if height > 0.0]
    state.signal = sorted(loud)[len(loud) // 2] if loud else 0.0
    state.noise = 0.5 * heights[len(heights) // 4] if heights else 0.0
    state.noise = min(state.noise, 0.3 * state.signal)
    state.learned, state.learn_from = True, 0
    state.waiting = []
    for step, height in waiting:
        _search_back(state, step, found)
        _judge(state, step, height, found)


def _threshold(state: DetectorState, step: int) -> float:
    level = state.noise + THRESHOLD * (state.signal - state.noise)
    quiet = step - max(state.last, state.reference) - QUIET
    if quiet > 0:
        level *= 0.5 ** (quiet / QUIET_HALF_LIFE)
    return max(level, LOWEST * state.signal)


def _judge(state: DetectorState, step: int, height: float, found: list[int]) -> None:
    since = step - state.last if state.last >= 0 else 1 << 30
    is_t_wave = since < T_WAVE and height < T_WAVE_RATIO * state.last_height
    if height > _threshold(state, step) and since >= REFRACTORY and not is_t_wave:
        _accept(state, step, height, found)
        return
    state.noise = _moved(state.noise, min(height, state.signal), BETA)
    if since >= T_WAVE:
        state.rejected.append([step, height])
        del state.rejected[:-16]


def _accept(state: DetectorState, step: int, height: float, found: list[int]) -> None:
    if state.last >= state.reference and state.last >= 0:
        state.rr.append(step - state.last)
        del state.rr[:-8]
    state.reference = 0  # from here on this beat is the reference
    state.signal = _moved(state.signal, min(height, CAP * state.signal), BETA)
    # Where nothing is rejected, the noise is low.
    state.noise = _moved(state.noise, QUIET_NOISE * state.signal, QUIET_BETA)
    state.last, state.last_height = step, height
    state.rejected = [row for row in state.rejected if row[0] >= step + T_WAVE]
    state.search_at = -1
    if len(state.rr) >= 3:
        state.search_at = step + int(SEARCH_GAP * _median(state.rr))
    found.append(step)


def _moved(level: float, towards: float, share: float) -> float:
    """Return a running mean, in steps of 1 nV: so two histories soon agree."""
    return round(level + share * (towards - level), 6)


def _search_back(state: DetectorState, now: int, found: list[int]) -> None:
    """Take the best rejected maximum where a beat is overdue."""
    while 0 <= state.search_at <= now:
        at = state.search_at
        level = SEARCH_FACTOR * _threshold(state, state.last)
        best = max(
            (
                r
                for r in state.rejected
                if at - SEARCH_AGE <= r[0] <= at and r[1] > level
            ),
            key=lambda row: row[1],
            default=None,
        )
        if best is not None:
            _accept(state, int(best[0]), best[1], found)
        elif at - state.last < 4 * _median(state.rr):
            state.search_at = at + max(int(0.25 * _median(state.rr)), 10)
        else:
            state.search_at = -1


def _median(values: list[int]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return (ordered[half] + ordered[-half - 1]) / 2
