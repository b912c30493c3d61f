"""Rhythm episodes: a state machine over beats, seconds of quality and the clock."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.ecg.compiled import State, compiled
from inference.ecg.types import Samples, Signal
from inference.engine.bounds import Bounds
from inference.engine.episode_log import (
    ASYSTOLE,
    LABELS,
    EpisodeLog,
    new_log,
)
from inference.engine.pauses import PAUSES, end_pauses, follow_pauses, start_pauses
from inference.engine.rates import (
    LOST_S,
    RATES,
    end_rates,
    follow_rates,
    heart_rate,
    pass_rate_time,
    start_rates,
    tell_rates,
)
from inference.engine.runs import RUNS, end_run, follow_runs, pass_run_time, tell_run
from inference.engine.seconds import SECONDS, add_seconds, is_good

# The machines, and the quality of the last seconds.
EPISODES = np.dtype(
    [
        ("pauses", PAUSES),
        ("runs", RUNS),
        ("rates", RATES),
        ("seconds", SECONDS),
        ("last_good", "i8"),
    ],
    align=True,
)


@compiled
def start_episodes(state: State) -> None:
    """Set what is not zero before the first sample."""
    start_pauses(state.pauses)
    start_rates(state.rates)


@compiled
def follow_episodes(
    state: State,
    r_peaks: Samples,
    frontier: int,
    words: NDArray[np.uint8],
    samples: Samples,
    classes: NDArray[np.uint8],
    rr_ms: Signal,
    waiting_from: int,
    limits: Bounds,
    fs: int,
) -> Any:
    """Take what a block settled and return rows of EVENT; updates ``state``.

    ``r_peaks`` [k] and ``frontier`` as they were found; ``words`` [s] are codes of
    QUALITY_WORDS of new seconds; ``samples``, ``classes`` and ``rr_ms`` (NaN where
    unknown) [n] are beats whose class is final. ``waiting_from`` is the sample
    before which all beats are final. Beats in a second that is not good are left
    out: no rhythm is read from bad signal.
    """
    # Each R peak and each second opens and closes less than this; so does a beat.
    log = new_log(32 + 8 * (len(r_peaks) + len(words)) + 12 * len(samples))
    seconds = add_seconds(state.seconds, words)
    follow_pauses(state.pauses, r_peaks, seconds, frontier, limits, fs, log)
    for k in range(len(samples)):
        sample, interval = samples[k], float(rr_ms[k])
        known_rr = not np.isnan(interval)
        good = is_good(seconds, sample, fs)
        if good:
            follow_runs(state.runs, sample, classes[k], known_rr, limits, fs, log)
        if good and state.last_good and known_rr:
            follow_rates(state.rates, sample, interval, limits, fs, log)
        state.last_good = 1 if good else 0
    pass_run_time(state.runs, waiting_from, fs, log)
    pass_rate_time(state.rates, waiting_from, fs, log)
    tell_run(state.runs, fs, log)
    tell_rates(state.rates, log)
    return log.rows[: log.used[0]].copy()


@compiled
def end_episodes(state: State, end: int, fs: int) -> Any:
    """Close what is open where the record ends, at sample ``end``."""
    log = new_log(32)
    end_pauses(state.pauses, end, fs, log)
    end_run(state.runs, fs, log)
    end_rates(state.rates, end, log)
    return log.rows[: log.used[0]].copy()


def open_episodes(state: Any) -> set[tuple[str, int]]:
    """Return (label, onset_sample) of the episodes that are open."""
    pauses, runs, rates = state["pauses"], state["runs"], state["rates"]
    found = {(pauses["label"], pauses["onset"]), (runs["label"], runs["first"])}
    for name in ("extreme_tachy", "tachy", "extreme_brady", "brady"):
        if rates[name]["is_open"]:
            found.add((rates[name]["label"], rates[name]["broken_from"]))
    return {(LABELS[label], int(onset)) for label, onset in found if label}


@compiled
def rate_now(state: State, frontier: int, fs: int) -> float:
    """Return the heart rate per minute, NaN when it is unknown or in asystole."""
    rates = state.rates
    stale = rates.last < 0 or frontier - rates.last > LOST_S * fs
    if stale or state.pauses.label == ASYSTOLE:
        return np.nan
    return heart_rate(rates.rr_ms[: rates.count])


__all__ = [
    "EPISODES",
    "EpisodeLog",
    "end_episodes",
    "follow_episodes",
    "open_episodes",
    "rate_now",
    "start_episodes",
]
