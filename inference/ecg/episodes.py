"""Rhythm episodes: state machines over beats, seconds of signal and the clock.

Each machine goes on in the order of its own time, whatever a call brings; where one
asks another, it asks what that said at the time of the beat.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.ecg.beats import FEATURES
from inference.ecg.bounds import Bounds
from inference.ecg.compiled import State, compiled
from inference.ecg.episode_log import (
    ASYSTOLE,
    BIGEMINY,
    LABELS,
    TRIGEMINY,
    EpisodeLog,
    new_log,
)
from inference.ecg.fibrillating import (
    AF_STATE,
    end_af,
    follow_af,
    pass_af_time,
    start_af,
)
from inference.ecg.fibrillation import (
    EARLY,
    FIBRILLATION,
    FIRST_LOOK,
    end_fibrillation,
    follow_fibrillation,
)
from inference.ecg.grid import GRID_FS
from inference.ecg.pacing import (
    PACING,
    add_steepness,
    end_pacing,
    follow_pacing,
    is_paced,
    is_pacing_known,
)
from inference.ecg.patterns import (
    PATTERN,
    end_pattern,
    follow_pattern,
    pass_pattern_time,
    start_pattern,
)
from inference.ecg.pauses import PAUSES, end_pauses, follow_pauses, start_pauses
from inference.ecg.rates import (
    LOST_S,
    RATES,
    end_rates,
    follow_rates,
    heart_rate,
    pass_rate_time,
    start_rates,
    tell_rates,
)
from inference.ecg.runs import (
    RUNS,
    Look,
    end_run,
    follow_runs,
    pass_run_time,
    tell_run,
)
from inference.ecg.seconds import SECONDS, Words, add_seconds, is_good
from inference.ecg.svt import SVT_RUN, end_svt, follow_svt, pass_svt_time, tell_svt
from inference.ecg.types import CLASSES, Array, Samples, Signal
from inference.ecg.unreadable import UNREADABLE, end_noise, follow_noise

NORMAL = CLASSES.index("N")
VENTRICULAR, FUSION = CLASSES.index("V"), CLASSES.index("F")
WIDTH = FEATURES.index("width")
WIDER = FEATURES.index("width_difference")
ALIKE = FEATURES.index("like_previous")
EARLY_RR = FEATURES.index("log_pre_local")

# The machines, the quality of the last seconds, and whether ventricular fibrillation
# was open at each of the last looks for it.
EPISODES = np.dtype(
    [
        ("seconds", SECONDS),
        ("looks", SECONDS),
        ("pauses", PAUSES),
        ("runs", RUNS),
        ("rates", RATES),
        ("fibrillation", FIBRILLATION),
        ("pacing", PACING),
        ("af", AF_STATE),
        ("svt", SVT_RUN),
        ("bigeminy", PATTERN),
        ("trigeminy", PATTERN),
        ("noise", UNREADABLE),
        ("last_good", "i8"),
    ],
    align=True,
)


class Piece(NamedTuple):
    """What a piece of signal settled, by the record's samples.

    ``r_peaks`` [k] as they were found, ``frontier`` before which none can follow,
    ``waiting_from`` before which every beat is final; ``words`` [s] are codes of
    QUALITY_WORDS of its whole seconds; ``mv`` [m] its own signal, and ``band`` the
    grid steps that it completed, band-passed.
    """

    r_peaks: Samples
    frontier: int
    waiting_from: int
    words: NDArray[np.uint8]
    mv: Signal
    band: Signal


class FinalBeats(NamedTuple):
    """Beats whose class is final, in order; all [n], but features [n, F].

    ``samples`` are of the record, ``rr_ms`` is NaN where unknown; ``af`` is the
    probability of atrial fibrillation and ``v`` that of class V.
    """

    samples: Samples
    classes: NDArray[np.uint8]
    v: Signal
    rr_ms: Signal
    af: Array
    features: Signal


@compiled
def start_episodes(state: State) -> None:
    """Set what is not zero before the first sample."""
    start_pauses(state.pauses)
    start_rates(state.rates)
    start_af(state.af)
    start_pattern(state.bigeminy)
    start_pattern(state.trigeminy)
    state.looks.second = FIRST_LOOK


@compiled
def follow_episodes(
    state: State, piece: Piece, beats: FinalBeats, limits: Bounds, fs: int
) -> Any:
    """Take what a piece of signal settled and return rows [n] of EVENT.

    Updates ``state`` (EPISODES). Beats in a second that is not good are left out: no
    rhythm is read from bad signal. Delay: that of each machine, in the ``follow_...``
    of its module.
    """
    # No machine opens and closes so often in one second or at one beat.
    room = 8 * (len(piece.r_peaks) + len(piece.words)) + 16 * len(beats.samples)
    log = new_log(64 + room)
    words = add_seconds(state.seconds, piece.words)
    follow_pauses(state.pauses, piece.r_peaks, words, piece.frontier, limits, fs, log)
    follow_noise(state.noise, words, fs, log)
    shown = follow_fibrillation(state.fibrillation, piece.band, words, fs, log)
    looks = add_seconds(state.looks, shown)
    steep = add_steepness(state.pacing, piece.mv, fs)
    for k in range(len(beats.samples)):
        _follow_beat(state, beats, k, words, looks, steep, limits, fs, log)
    _pass_time(state, piece.waiting_from, fs, log)
    tell_run(state.runs, fs, log)
    tell_rates(state.rates, log)
    tell_svt(state.svt, fs, log)
    return log.rows[: log.used[0]].copy()


@compiled
def _follow_beat(
    state: State,
    beats: FinalBeats,
    k: int,
    words: Words,
    looks: Words,
    steep: Array,
    limits: Bounds,
    fs: int,
    log: EpisodeLog,
) -> None:
    sample, interval, beat_class = beats.samples[k], beats.rr_ms[k], beats.classes[k]
    known_rr = not np.isnan(interval)
    good = is_good(words, sample, fs)
    was_good = state.last_good
    state.last_good = 1 if good else 0
    if not good:
        return
    step = sample * GRID_FS // fs
    if _fibrillated(looks, step):
        # What is called a beat there is none.
        end_run(state.runs, fs, log)
        return
    width_s = 0.1 + beats.features[k, WIDTH] / 10
    paced = is_paced(steep, step - state.pacing.step + len(steep), width_s, fs)
    follow_pacing(state.pacing, sample, paced, fs, log)
    if paced and is_pacing_known(state.pacing, sample, fs):
        beat_class = NORMAL
    look = Look(
        float(beats.v[k]),
        beats.features[k, WIDER],
        beats.features[k, ALIKE],
        beats.features[k, EARLY_RR],
    )
    follow_runs(state.runs, sample, beat_class, known_rr, look, limits, fs, log)
    is_v = beat_class in (VENTRICULAR, FUSION)
    follow_pattern(state.bigeminy, BIGEMINY, 1, sample, is_v, fs, log)
    follow_pattern(state.trigeminy, TRIGEMINY, 2, sample, is_v, fs, log)
    if known_rr:
        follow_af(state.af, sample, beats.af[k], fs, log)
    follow_svt(state.svt, sample, beat_class, known_rr, state.af.since >= 0, fs, log)
    if was_good and known_rr:
        follow_rates(state.rates, sample, float(interval), limits, fs, log)


@compiled
def _fibrillated(looks: Words, step: int) -> bool:
    """Tell whether the last look before a grid step found ventricular fibrillation."""
    at = (step + EARLY) // GRID_FS - looks.first
    return bool(0 <= at < len(looks.code) and looks.code[at])


@compiled
def _pass_time(state: State, now: int, fs: int, log: EpisodeLog) -> None:
    """End what waits for a beat in vain; every beat before ``now`` is known."""
    pass_run_time(state.runs, now, fs, log)
    pass_rate_time(state.rates, now, fs, log)
    pass_svt_time(state.svt, now, fs, log)
    pass_af_time(state.af, now, fs, log)
    pass_pattern_time(state.bigeminy, BIGEMINY, now, fs, log)
    pass_pattern_time(state.trigeminy, TRIGEMINY, now, fs, log)


@compiled
def end_episodes(state: State, end: int, fs: int) -> Any:
    """Close what is open where the record ends; return rows [n] of EVENT.

    ``end`` is the record sample.
    """
    log = new_log(64)
    end_pauses(state.pauses, end, fs, log)
    end_run(state.runs, fs, log)
    end_rates(state.rates, end, log)
    end_fibrillation(state.fibrillation, log)
    end_pacing(state.pacing, fs, log)
    end_af(state.af, fs, log)
    end_svt(state.svt, fs, log)
    end_pattern(state.bigeminy, BIGEMINY, fs, log)
    end_pattern(state.trigeminy, TRIGEMINY, fs, log)
    end_noise(state.noise, end, fs, log)
    return log.rows[: log.used[0]].copy()


def open_episodes(state: Any) -> set[tuple[str, int]]:
    """Return (label, onset_sample) of the episodes that are open."""
    pauses, runs, rates = state["pauses"], state["runs"], state["rates"]
    found = {(pauses["label"], pauses["onset"]), (runs["label"], runs["first"])}
    for name in ("extreme_tachy", "tachy", "extreme_brady", "brady"):
        if rates[name]["is_open"]:
            found.add((rates[name]["label"], rates[name]["broken_from"]))
    named = {(LABELS[label], int(onset)) for label, onset in found if label}
    for label, name, onset in (
        ("VF", "fibrillation", "onset"),
        ("PACED", "pacing", "onset"),
        ("AF", "af", "since"),
        ("SVT", "svt", "first"),
        ("BIGEMINY", "bigeminy", "first"),
        ("TRIGEMINY", "trigeminy", "first"),
        ("NOISE", "noise", "onset"),
    ):
        if state[name]["is_open"]:
            named.add((label, int(state[name][onset])))
    return named


@compiled
def rate_now(state: State, frontier: int, fs: int) -> float:
    """Return the heart rate per minute, NaN when it is unknown or in asystole.

    ``frontier`` is the record sample up to which R peaks are known. Delay: it is that
    of the last 12 beats, and is unknown 10 s after the last readable interval.
    """
    rates = state.rates
    stale = rates.last < 0 or frontier - rates.last > LOST_S * fs
    if stale or state.pauses.label == ASYSTOLE:
        return np.nan
    return heart_rate(rates.rr_ms[: rates.count])
