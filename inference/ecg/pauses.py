"""Pause and asystole: raised by the clock, not by the beat that ends them."""

from __future__ import annotations

from dataclasses import dataclass, field

from inference.ecg.episode_log import EpisodeLog
from inference.ecg.types import Episode, Limits

NO_BEAT = -1


@dataclass
class PauseState:
    """The last R peak, where readable silence began, what is open."""

    last: int = NO_BEAT
    quiet_from: int = 0
    label: str = ""
    onset: int = 0
    bad: list[int] = field(default_factory=list)  # starts of bad seconds to come


def follow_pauses(
    state: PauseState,
    *,
    r_peaks: list[int],
    bad_seconds: list[int],
    frontier: int,
    limits: Limits,
    fs: int,
    log: EpisodeLog,
) -> None:
    """Go on to ``frontier``; all places are samples of the record.

    Bad seconds, given by their first sample, neither are nor end a silence: it is
    counted in readable signal only. A record without any beat has no pause.
    """
    state.bad.extend(bad_seconds)
    for r_peak in r_peaks:
        _pass_bad(state, r_peak, limits, fs, log)
        _pass_time(state, r_peak, limits, fs, log)
        _close(state, r_peak, fs, log)
        state.last = r_peak
        state.quiet_from = max(r_peak, state.quiet_from)
    _pass_bad(state, frontier, limits, fs, log)
    _pass_time(state, frontier, limits, fs, log)


def end_pauses(state: PauseState, end: int, fs: int, log: EpisodeLog) -> None:
    """Close what is open where the record ends."""
    _close(state, end, fs, log)


def _pass_bad(
    state: PauseState, until: int, limits: Limits, fs: int, log: EpisodeLog
) -> None:
    while state.bad and state.bad[0] < until:
        start = state.bad.pop(0)
        _pass_time(state, start, limits, fs, log)
        _close(state, start, fs, log)
        state.quiet_from = start + fs


def _pass_time(
    state: PauseState, now: int, limits: Limits, fs: int, log: EpisodeLog
) -> None:
    if state.last == NO_BEAT or state.label == "ASYSTOLE":
        return
    silence = now - state.quiet_from
    if silence >= limits.asystole_s * fs:
        if state.label:
            log.withdraw(state.label, state.onset, "asystole")
        _open(state, "ASYSTOLE", now, fs, log)
    elif (
        not state.label
        and state.quiet_from == state.last
        and silence >= limits.pause_s * fs
    ):
        _open(state, "PAUSE", now, fs, log)


def _open(state: PauseState, label: str, now: int, fs: int, log: EpisodeLog) -> None:
    state.label, state.onset = label, state.quiet_from
    log.open(_episode(state, now, fs, closed=False))


def _close(state: PauseState, end: int, fs: int, log: EpisodeLog) -> None:
    if state.label:
        log.change(_episode(state, end, fs, closed=True))
    state.label, state.onset = "", 0


def _episode(state: PauseState, now: int, fs: int, *, closed: bool) -> Episode:
    seconds = (now - state.onset) / fs
    return Episode(
        label=state.label,
        onset_sample=state.onset,
        end_sample=now if closed else None,
        peak=round(seconds, 3),
        detail=f"no beat for {seconds:.1f} s",
        beats=0,
    )
