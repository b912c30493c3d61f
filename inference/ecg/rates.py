"""Heart rate, and the episodes in which it is beyond its limits."""

from __future__ import annotations

import numpy as np

from inference.ecg.bounds import Bounds
from inference.ecg.compiled import State, compiled
from inference.ecg.episode_log import (
    BRADY,
    CHANGED,
    EXTREME_BRADY,
    EXTREME_TACHY,
    OPENED,
    STILL_OPEN,
    TACHY,
    EpisodeLog,
    withdraw,
    write,
)
from inference.ecg.types import Array

RR_COUNT = 12
FEWEST_RR = 5
SLOW_RR_MS = 1200.0
LOST_S = 10.0
JUST_BEFORE_S = 30.0
FLOOR_BPM, CAP_BPM = 30.0, 200.0

# One limit: since when it is broken, since when it is kept again.
LEVEL = np.dtype(
    [
        ("label", "i8"),
        ("broken_from", "i8"),
        ("kept_from", "i8"),
        ("is_open", "i8"),
        ("changed", "i8"),
        ("beats", "i8"),
        ("peak", "f8"),
        ("limit", "f8"),
    ],
    align=True,
)
# The last intervals, the last beat that had one (-1: none), the four limits.
RATES = np.dtype(
    [
        ("rr_ms", "f8", (RR_COUNT,)),
        ("count", "i8"),
        ("last", "i8"),
        ("extreme_tachy", LEVEL),
        ("tachy", LEVEL),
        ("extreme_brady", LEVEL),
        ("brady", LEVEL),
    ],
    align=True,
)


@compiled
def start_rates(state: State) -> None:
    """Set what is not zero before the first beat."""
    state.last = -1
    state.extreme_tachy.label, state.tachy.label = EXTREME_TACHY, TACHY
    state.extreme_brady.label, state.brady.label = EXTREME_BRADY, BRADY
    _forget(state.extreme_tachy)
    _forget(state.tachy)
    _forget(state.extreme_brady)
    _forget(state.brady)


@compiled
def heart_rate(rr_ms: Array) -> float:
    """Return the rate per minute over up to 12 RR [n] in ms, NaN of fewer than 5.

    The longest and the shortest are left out; when the last three are longer than
    1.2 s, the mean of the last four counts. Delay: a new rate is there in full after 12
    beats.
    """
    count = len(rr_ms)
    if count >= 4 and rr_ms[count - 3 :].min() > SLOW_RR_MS:
        return float(60000.0 * 4 / rr_ms[count - 4 :].sum())
    if count < FEWEST_RR:
        return np.nan
    total = 0.0
    for interval in np.sort(rr_ms)[1:-1]:
        total += interval
    return 60000.0 * (count - 2) / total


@compiled
def follow_rates(
    state: State, sample: int, rr_ms: float, limits: Bounds, fs: int, log: EpisodeLog
) -> None:
    """Take the next beat whose interval ``rr_ms`` is known and readable.

    ``sample`` is of the record; updates ``state`` (RATES). Delay: an episode opens when
    the limit was broken for ``hr_persist_s``, from where that began, and ends likewise.
    Extreme is 20 above the high limit or 10 below the low one, within 30 to 200.
    """
    pass_rate_time(state, sample, fs, log)
    if state.count == RR_COUNT:
        state.rr_ms[:-1] = state.rr_ms[1:]
        state.count -= 1
    state.rr_ms[state.count] = rr_ms
    state.count += 1
    state.last = sample
    rate = heart_rate(state.rr_ms[: state.count])
    if np.isnan(rate):
        return
    high, low = limits.hr_high_bpm, limits.hr_low_bpm
    top = max(min(high + 20, CAP_BPM), high)
    bottom = min(max(low - 10, FLOOR_BPM), low)
    persist = int(limits.hr_persist_s * fs)
    _follow_pair(
        state.extreme_tachy, state.tachy, sample, rate, top, high, 1.0, persist, fs, log
    )
    _follow_pair(
        state.extreme_brady,
        state.brady,
        sample,
        rate,
        bottom,
        low,
        -1.0,
        persist,
        fs,
        log,
    )


@compiled
def pass_rate_time(state: State, now: int, fs: int, log: EpisodeLog) -> None:
    """Forget the rate when no interval was readable for 10 s at record sample ``now``.

    Delay: these 10 s; what is open ends at the last interval.
    """
    if state.last >= 0 and now - state.last > LOST_S * fs:
        end_rates(state, state.last, log)


@compiled
def end_rates(state: State, end: int, log: EpisodeLog) -> None:
    """Close what is open at record sample ``end`` and start afresh."""
    _close(state.extreme_tachy, end, log)
    _close(state.tachy, end, log)
    _close(state.extreme_brady, end, log)
    _close(state.brady, end, log)
    state.rr_ms[:] = 0.0
    state.count, state.last = 0, -1


@compiled
def tell_rates(state: State, log: EpisodeLog) -> None:
    """Write what has become of open episodes since they were last told."""
    _tell(state.extreme_tachy, log)
    _tell(state.tachy, log)
    _tell(state.extreme_brady, log)
    _tell(state.brady, log)


@compiled
def _follow_pair(
    upper: State,
    lower: State,
    sample: int,
    rate: float,
    upper_limit: float,
    lower_limit: float,
    sign: float,
    persist: int,
    fs: int,
    log: EpisodeLog,
) -> None:
    """Follow an extreme limit, and the milder one while that is not broken."""
    was_open = upper.is_open
    _follow(upper, sample, rate, upper_limit, sign, persist, log)
    if upper.is_open and not was_open:
        _give_way(lower, upper.label, upper.broken_from, fs, log)
    if not upper.is_open:
        _follow(lower, sample, rate, lower_limit, sign, persist, log)


@compiled
def _follow(
    level: State,
    sample: int,
    rate: float,
    limit: float,
    sign: float,
    persist: int,
    log: EpisodeLog,
) -> None:
    level.limit = limit
    if sign * (rate - limit) > 0:
        if level.broken_from < 0:
            level.broken_from, level.peak = sample, rate
        level.kept_from = -1
        level.beats += 1
        level.peak = sign * max(sign * level.peak, sign * rate)
        if level.is_open:
            level.changed = 1
        elif sample - level.broken_from >= persist:
            level.is_open = 1
            _write(level, OPENED, STILL_OPEN, log)
    elif not level.is_open:
        _forget(level)
    elif level.kept_from < 0:
        level.kept_from = sample
    elif sample - level.kept_from >= persist:
        _close(level, level.kept_from, log)


@compiled
def _give_way(level: State, became: int, onset: int, fs: int, log: EpisodeLog) -> None:
    """End the milder episode where the extreme one begins."""
    if level.is_open and level.broken_from > onset - JUST_BEFORE_S * fs:
        withdraw(log, level.label, level.broken_from, became)
        level.is_open = 0
    _close(level, onset, log)


@compiled
def _close(level: State, end: int, log: EpisodeLog) -> None:
    if level.is_open:
        _write(level, CHANGED, end, log)
    _forget(level)


@compiled
def _forget(level: State) -> None:
    level.is_open, level.changed, level.beats = 0, 0, 0
    level.broken_from, level.kept_from, level.peak = -1, -1, 0.0


@compiled
def _tell(level: State, log: EpisodeLog) -> None:
    if level.changed:
        _write(level, CHANGED, STILL_OPEN, log)
        level.changed = 0


@compiled
def _write(level: State, kind: int, end: int, log: EpisodeLog) -> None:
    write(
        log,
        kind,
        level.label,
        level.broken_from,
        end,
        level.beats,
        level.peak,
        level.peak,
        level.limit,
    )
