"""Rhythm episodes: a state machine over beats, seconds of quality and the clock."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.ecg.episode_log import EpisodeLog
from inference.ecg.pauses import PauseState, end_pauses, follow_pauses
from inference.ecg.quality import GOOD
from inference.ecg.rates import (
    RateState,
    end_rates,
    follow_rates,
    heart_rate,
    pass_rate_time,
)
from inference.ecg.runs import RunState, end_run, follow_runs, pass_run_time
from inference.ecg.types import Beats, Limits

KEPT_S = 16  # seconds of quality kept: a class is final within 5 s


@dataclass
class EpisodeState:
    """The machines, and the quality of the last seconds."""

    pauses: PauseState = field(default_factory=PauseState)
    runs: RunState = field(default_factory=RunState)
    rates: RateState = field(default_factory=RateState)
    words: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    second: int = 0  # the record's second that follows the last of ``words``
    last_good: bool = False


def follow_episodes(
    state: EpisodeState,
    *,
    r_peaks: list[int],
    frontier: int,
    words: NDArray[np.uint8],
    beats: Beats,
    waiting_from: int,
    limits: Limits,
    fs: int,
    log: EpisodeLog,
) -> None:
    """Take what a block settled: R peaks, seconds of quality, final beats.

    ``waiting_from`` is the sample before which all beats are final. Beats in a
    second that is not good are left out: no rhythm is read from bad signal.
    """
    bad = (state.second + np.flatnonzero(words != GOOD)) * fs
    follow_pauses(
        state.pauses,
        r_peaks=r_peaks,
        bad_seconds=bad.tolist(),
        frontier=frontier,
        limits=limits,
        fs=fs,
        log=log,
    )
    state.words = np.concatenate((state.words, words))
    state.second += len(words)
    first = state.second - len(state.words)
    at = np.clip(beats.samples // fs - first, 0, max(len(state.words) - 1, 0))
    good = (state.words[at] == GOOD).tolist() if len(at) else []
    rows = zip(
        beats.samples.tolist(),
        beats.classes.tolist(),
        beats.rr_ms.tolist(),
        good,
        strict=True,
    )
    for sample, aami_class, rr_ms, is_good in rows:
        known_rr = rr_ms == rr_ms
        if is_good:
            follow_runs(
                state.runs,
                sample=sample,
                aami_class=aami_class,
                known_rr=known_rr,
                limits=limits,
                fs=fs,
                log=log,
            )
        if is_good and state.last_good and known_rr:
            follow_rates(
                state.rates, sample=sample, rr_ms=rr_ms, limits=limits, fs=fs, log=log
            )
        state.last_good = is_good
    pass_run_time(state.runs, waiting_from, fs, log)
    pass_rate_time(state.rates, waiting_from, fs, log)
    state.words = state.words[max(len(state.words) - KEPT_S, 0) :].copy()


def end_episodes(state: EpisodeState, end: int, fs: int, log: EpisodeLog) -> None:
    """Close what is open where the record ends, at sample ``end``."""
    end_pauses(state.pauses, end, fs, log)
    end_run(state.runs, log, fs)
    end_rates(state.rates, end, log)


def open_episodes(state: EpisodeState) -> set[tuple[str, int]]:
    """Return (label, onset_sample) of the episodes that are open."""
    pauses, runs, rates = state.pauses, state.runs, state.rates
    found = {(pauses.label, pauses.onset), (runs.label, runs.first)}
    for level in (rates.extreme_tachy, rates.tachy, rates.extreme_brady, rates.brady):
        if level.is_open:
            found.add((level.label, level.broken_from))
    return {(label, onset) for label, onset in found if label}


def rate_now(state: EpisodeState, frontier: int, fs: int) -> float:
    """Return the heart rate per minute, NaN when it is unknown or in asystole."""
    pauses, rates = state.pauses, state.rates
    stale = rates.last < 0 or frontier - rates.last > 10 * fs
    if stale or pauses.label == "ASYSTOLE":
        return float("nan")
    return heart_rate(rates.rr_ms)
