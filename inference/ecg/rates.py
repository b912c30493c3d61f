"""Heart rate, and the episodes in which it is beyond its limits."""

from __future__ import annotations

from dataclasses import dataclass, field

from inference.ecg.episode_log import EpisodeLog
from inference.ecg.types import Episode, Limits

RR_COUNT = 12
FEWEST_RR = 5
SLOW_RR_MS = 1200.0
LOST_S = 10.0
JUST_BEFORE_S = 30.0
FLOOR_BPM, CAP_BPM = 30.0, 200.0
EXTREME = {"TACHY": "EXTREME_TACHY", "BRADY": "EXTREME_BRADY"}


@dataclass
class LevelState:
    """One limit: since when it is broken, since when it is kept again."""

    label: str = ""
    broken_from: int = -1
    kept_from: int = -1
    is_open: bool = False
    peak: float = 0.0
    limit: float = 0.0
    beats: int = 0


def _level(label: str) -> LevelState:
    return LevelState(label=label)


@dataclass
class RateState:
    """The last intervals in ms, the last beat that had one, the four limits."""

    rr_ms: list[float] = field(default_factory=list)
    last: int = -1
    extreme_tachy: LevelState = field(default_factory=lambda: _level("EXTREME_TACHY"))
    tachy: LevelState = field(default_factory=lambda: _level("TACHY"))
    extreme_brady: LevelState = field(default_factory=lambda: _level("EXTREME_BRADY"))
    brady: LevelState = field(default_factory=lambda: _level("BRADY"))


def heart_rate(rr_ms: list[float]) -> float:
    """Return the rate per minute over up to 12 RR in ms, NaN of fewer than 5.

    The longest and the shortest are left out; when the last three are longer than
    1.2 s, the mean of the last four counts.
    """
    recent = rr_ms[-RR_COUNT:]
    if len(recent) >= 4 and min(recent[-3:]) > SLOW_RR_MS:
        return 60000.0 * 4 / sum(recent[-4:])
    if len(recent) < FEWEST_RR:
        return float("nan")
    inner = sorted(recent)[1:-1]
    return 60000.0 * len(inner) / sum(inner)


def follow_rates(
    state: RateState,
    *,
    sample: int,
    rr_ms: float,
    limits: Limits,
    fs: int,
    log: EpisodeLog,
) -> None:
    """Take the next beat whose interval ``rr_ms`` is known and readable."""
    pass_rate_time(state, sample, fs, log)
    state.rr_ms = [*state.rr_ms, rr_ms][-RR_COUNT:]
    state.last = sample
    rate = heart_rate(state.rr_ms)
    if rate != rate:
        return
    high, low = limits.hr_high_bpm, limits.hr_low_bpm
    top = max(min(high + 20, CAP_BPM), high)
    bottom = min(max(low - 10, FLOOR_BPM), low)
    persist = int(limits.hr_persist_s * fs)
    for upper, lower, upper_limit, lower_limit, sign in (
        (state.extreme_tachy, state.tachy, top, high, 1.0),
        (state.extreme_brady, state.brady, bottom, low, -1.0),
    ):
        was_open = upper.is_open
        _follow(upper, sample, rate, upper_limit, sign, persist, log)
        if upper.is_open and not was_open:
            _give_way(lower, upper.broken_from, fs, log)
        if not upper.is_open:
            _follow(lower, sample, rate, lower_limit, sign, persist, log)


def pass_rate_time(state: RateState, now: int, fs: int, log: EpisodeLog) -> None:
    """Forget the rate when no interval was readable for 10 s."""
    if state.last >= 0 and now - state.last > LOST_S * fs:
        end_rates(state, state.last, log)


def end_rates(state: RateState, end: int, log: EpisodeLog) -> None:
    """Close what is open at ``end`` and start afresh."""
    for level in (state.extreme_tachy, state.tachy, state.extreme_brady, state.brady):
        _close(level, end, log)
    state.rr_ms, state.last = [], -1


def _follow(
    level: LevelState,
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
            log.change(_episode(level, None))
        elif sample - level.broken_from >= persist:
            level.is_open = True
            log.open(_episode(level, None))
    elif not level.is_open:
        _forget(level)
    elif level.kept_from < 0:
        level.kept_from = sample
    elif sample - level.kept_from >= persist:
        _close(level, level.kept_from, log)


def _give_way(level: LevelState, onset: int, fs: int, log: EpisodeLog) -> None:
    """End the milder episode where the extreme one begins."""
    if level.is_open and level.broken_from > onset - JUST_BEFORE_S * fs:
        log.withdraw(level.label, level.broken_from, _words(EXTREME[level.label]))
        level.is_open = False
    _close(level, onset, log)


def _close(level: LevelState, end: int, log: EpisodeLog) -> None:
    if level.is_open:
        log.change(_episode(level, end))
    _forget(level)


def _forget(level: LevelState) -> None:
    level.is_open, level.broken_from, level.kept_from = False, -1, -1
    level.peak, level.beats = 0.0, 0


def _words(label: str) -> str:
    return label.replace("_", " ").lower()


def _episode(level: LevelState, end: int | None) -> Episode:
    sign = ">" if level.label.endswith("TACHY") else "<"
    return Episode(
        label=level.label,
        onset_sample=level.broken_from,
        end_sample=end,
        peak=round(level.peak, 1),
        detail=f"HR {level.peak:.0f} {sign} {level.limit:.0f}",
        beats=level.beats,
    )
