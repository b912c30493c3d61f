"""Ventricular fibrillation and flutter: waves that leave no line between beats.

The VF-filter leakage of Kuo and Dillman ("Computer detection of ventricular
fibrillation", Computers in Cardiology 1978, 347-349): shift the signal by half of
its mean period and add it; a sine all but vanishes, a QRS and the line around it do
not. Four seconds are looked at once a second; the delay beyond them is below 0.2 s.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.ecg.compiled import State, compiled
from inference.ecg.episode_log import (
    CHANGED,
    OPENED,
    STILL_OPEN,
    VF,
    EpisodeLog,
    write,
)
from inference.ecg.grid import GRID_FS
from inference.ecg.quality import GOOD
from inference.ecg.seconds import Words
from inference.ecg.types import Array, Signal

LOOKED_S = 4
LOOKED = LOOKED_S * GRID_FS
# The grid lags a little behind the signal: a look ends so many steps before the
# second does, so that it needs nothing of the next one.
EARLY = 15
LEAKAGE, STAYING_LEAKAGE = 0.55, 0.65  # sine: 0.1; rhythms with a QRS: above 0.6
SLOWEST_HZ, FASTEST_HZ = 2.2, 9.0
NEAR, NEAR_SHARE = 0.1, 0.5  # of the amplitude; of the time near the middle
PEAKED = 8.0  # kurtosis of the slope: a QRS makes it 10 and more
LEAST_MV = 0.1  # finer waves are asystole
LOOKS = 2  # in a row that show it
LEFT_LOOKS = 5  # in a row that do not

FIRST_LOOK = -(-(LOOKED + EARLY) // GRID_FS)  # looks are numbered by their second

NOT, STAYS, SHOWS = range(3)

# The last steps, how many; how many in all; the looks in a row, what is open.
FIBRILLATION = np.dtype(
    [
        ("band", "f4", (LOOKED,)),
        ("kept", "i8"),
        ("step", "i8"),
        ("shown", "i8"),
        ("left", "i8"),
        ("is_open", "i8"),
        ("onset", "i8"),
        ("last", "i8"),
        ("turns", "f8"),
        ("looks", "i8"),
    ],
    align=True,
)


@compiled
def follow_fibrillation(
    state: State, band: Signal, words: Words, fs: int, log: EpisodeLog
) -> NDArray[np.uint8]:
    """Look at each second whose grid signal is complete.

    Updates ``state`` (FIBRILLATION). ``band`` [k] are the next steps of the band-passed
    signal in mV, ``words.code`` [s]. Returns for each look whether fibrillation is open
    after it, uint8[looks]. Delay: two looks of 4 s, a second apart, open an episode,
    from where the first began; five without it end it.
    """
    old = state.kept
    line = np.empty(old + len(band))
    line[:old] = state.band[:old]
    line[old:] = band
    first = state.step - old
    state.step += len(band)
    # Looks end at the steps 110, 235, ... of the record.
    look = (first + LOOKED + EARLY + GRID_FS - 1) // GRID_FS
    count = max((state.step + EARLY) // GRID_FS - look + 1, 0)
    is_open = np.zeros(count, np.uint8)
    for k in range(count):
        end = (look + k) * GRID_FS - EARLY
        start = end - LOOKED - first
        shows, hz = NOT, 0.0
        if _is_readable(words, look + k - 1):
            shows, hz = look_at(line[start : start + LOOKED])
        _follow(state, shows, hz, end * fs // GRID_FS, fs, log)
        is_open[k] = state.is_open
    # The next look begins a second after the last one did.
    keep = min(len(line), LOOKED - 1)
    state.band[:keep] = line[len(line) - keep :]
    state.kept = keep
    return is_open


@compiled
def look_at(line: Array) -> tuple[int, float]:
    """Tell whether 4 s of signal [500] in mV fibrillate, and at how many Hz.

    Leakage after Kuo and Dillman (1978); the time near the middle and the kurtosis of
    the slope are our own. Delay: the 4 s.
    """
    middle = line.mean()
    size = turn = 0.0
    for k in range(1, len(line)):
        size += abs(line[k] - middle)
        turn += abs(line[k] - line[k - 1])
    if size <= 0.0:
        return NOT, 0.0
    hz = turn / size * GRID_FS / (2 * np.pi)
    if not SLOWEST_HZ < hz < FASTEST_HZ:
        return NOT, hz
    leak = leakage(line, middle, hz)
    if leak > STAYING_LEAKAGE:
        return NOT, hz
    ordered = np.sort(line)
    low, high = ordered[5], ordered[len(line) - 6]
    height, centre = high - low, ordered[len(line) // 2]
    near = (np.abs(line - centre) < NEAR * height).mean()
    square = fourth = 0.0
    for k in range(1, len(line)):
        slope = (line[k] - line[k - 1]) ** 2
        square += slope
        fourth += slope * slope
    peaked = fourth * (len(line) - 1) / (square * square)
    if height < LEAST_MV or near > NEAR_SHARE or peaked > PEAKED:
        return NOT, hz
    return SHOWS if leak < LEAKAGE else STAYS, hz


@compiled
def leakage(line: Array, middle: float, hz: float) -> float:
    """Return what is left of a signal [n] and itself half a period before, 0..1.

    ``middle`` is its mean in mV, ``hz`` the mean rate of its waves. The VF filter of
    Kuo and Dillman (1978). No delay beyond the signal itself.
    """
    half = max(int(np.rint(GRID_FS / (2 * hz))), 1)
    left = whole = 0.0
    for k in range(half, len(line)):
        one, other = line[k] - middle, line[k - half] - middle
        left += abs(one + other)
        whole += abs(one) + abs(other)
    return left / whole if whole > 0.0 else 1.0


@compiled
def end_fibrillation(state: State, log: EpisodeLog) -> None:
    """Close what is open where it was last seen."""
    if state.is_open:
        _write(state, CHANGED, state.last, log)
    state.is_open, state.shown, state.left, state.looks = 0, 0, 0, 0
    state.onset, state.last, state.turns = 0, 0, 0.0


@compiled
def _is_readable(words: Words, second: int) -> bool:
    """Tell whether most of the 4 s up to this one can be read."""
    good = 0
    for k in range(second - LOOKED_S + 1, second + 1):
        at = k - words.first
        if 0 <= at < len(words.code) and words.code[at] == GOOD:
            good += 1
    return good >= LOOKED_S - 1


@compiled
def _follow(
    state: State, shows: int, hz: float, end: int, fs: int, log: EpisodeLog
) -> None:
    if not state.is_open:
        if shows != SHOWS:
            end_fibrillation(state, log)
            return
        if not state.shown:
            state.onset = max(end - LOOKED_S * fs, 0)
        state.shown += 1
    if shows == NOT:
        state.left += 1
        if state.left >= LEFT_LOOKS:
            end_fibrillation(state, log)
        return
    state.left = 0
    # The waves may fill but a good half of a look.
    state.last = max(end - fs, state.onset + 1)
    state.turns += hz
    state.looks += 1
    if not state.is_open and state.shown >= LOOKS:
        state.is_open = 1
        _write(state, OPENED, STILL_OPEN, log)


@compiled
def _write(state: State, kind: int, end: int, log: EpisodeLog) -> None:
    rate = 60.0 * state.turns / max(state.looks, 1)
    write(log, kind, VF, state.onset, end, 0, rate, rate, 0.0)
