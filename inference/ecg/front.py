"""From raw signal to R peaks and beats ready to be classified.

Three compiled calls per record and piece of signal: ``take_in`` up to what the R-peak
net sees, ``settle`` from its answer to R peaks and described beats, and the state's
history moved on at its end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.ecg.align import align_r_peaks, refine_peaks
from inference.ecg.beats import BEATS, describe_beats, start_beats
from inference.ecg.compiled import State, compiled
from inference.ecg.detector import (
    DETECTOR,
    find_votes,
    frontier,
    start_detector,
)
from inference.ecg.filters import BAND_DELAY, FILTERS, band_pass, envelope
from inference.ecg.fusion import FUSION, TO_BAND, fuse, fusion_frontier, start_fusion
from inference.ecg.gaps import GAPS, fill_gaps, start_gaps
from inference.ecg.grid import GRID_FS, HISTORY, POST_WAIT, grid_to_sample
from inference.ecg.heat import HEAT, normalise, start_heat
from inference.ecg.quality import QUALITY, judge_seconds, start_quality
from inference.ecg.resampling import RESAMPLING, resample_block, start_resampling
from inference.ecg.types import Array, Mask, Samples, Signal

HOLE = 25  # a hole of 0.2 s may hide a QRS
NEAREST = 20  # two R peaks aligned to one place are one
MOVE = 16  # grid steps by which alignment can move an R peak
OPEN = 1 << 62  # the end of a record that goes on
CUT_OFF_MS = 50  # nearer to the end of a record a QRS is cut off, and is no beat
AHEAD = 64  # quality is known for some steps that resampling still holds back

FRONT = np.dtype(
    [
        ("gaps", GAPS),
        ("quality", QUALITY),
        ("resampling", RESAMPLING),
        ("filters", FILTERS),
        ("detector", DETECTOR),
        ("heat", HEAT),
        ("fusion", FUSION),
        ("beats", BEATS),
        # The last steps of: signal, band-passed signal; unreadable or not. ``first``
        # is the grid step of the first of them, ``dark`` the latest unreadable one
        # before it that matters, or -1.
        ("first", "i8"),
        ("kept", "i8"),
        ("judged", "i8"),
        ("grid", "f4", (HISTORY,)),
        ("band", "f4", (HISTORY,)),
        ("blind", "u1", (HISTORY + AHEAD,)),
        ("dark", "i8"),
        ("hole", "i8"),
        ("previous", "i8"),  # the last R peak found, a grid step, or -1
        # The R peak whose class is not final: grid step, sample, pre-RR; or none.
        ("waits", "u1"),
        ("waiting", "f8", (3,)),
    ],
    align=True,
)


def start_front(state: State, fs: int) -> None:
    """Set what is not zero before sample 0 at ``fs`` Hz."""
    start_gaps(state["gaps"])
    start_quality(state["quality"])
    start_resampling(state["resampling"], fs)
    start_detector(state["detector"])
    start_heat(state["heat"])
    start_fusion(state["fusion"])
    start_beats(state["beats"])
    state["previous"] = state["dark"] = -1


class Taken(NamedTuple):
    """A piece of signal on the grid: with the history [m], and its own part [k].

    ``mv`` [n] is the piece itself in mV, ``score`` and ``word`` are per second [s];
    ``grid``, ``band`` [m] in mV; ``energy`` [k]; ``shown`` is what the R-peak net sees
    of it; ``blind`` may reach beyond the m steps. ``first`` is the grid step of the
    first of the m.
    """

    mv: Signal
    score: NDArray[np.uint8]
    word: NDArray[np.uint8]
    grid: Signal
    band: Signal
    energy: Array
    shown: Signal
    blind: Mask
    first: int


class Settled(NamedTuple):
    """What a piece of signal settled.

    ``r_peaks`` are record samples of R peaks as they were found, ``frontier`` the
    record sample before which none can follow, ``waiting_from`` the one before
    which every beat is described. The rest belongs to the beats ready for the
    classifier: samples [n], pre-RR [n] in s, windows and templates [n, 96] in mV,
    features [n, F], and post-RR [n] in s.
    """

    r_peaks: Samples
    frontier: int
    waiting_from: int
    samples: Samples
    pre_s: Array
    windows: Signal
    templates: Signal
    features: Signal
    post_s: Array


@compiled
def take_in(
    front: State, mv: Signal, held: int, fs: int, taps: Array, half: int
) -> Taken:
    """Take whole blocks of signal; updates ``front`` (FRONT).

    Needs nothing of what ``settle`` finds, so that it may run ahead of it.
    ``mv`` [n] is in mV at ``fs`` Hz, NaN where missing. Its last ``held`` samples are
    beyond the end of the record: they let the last beats be settled, are not judged and
    hold no beat. ``taps`` [phases, taps] and ``half`` belong to ``fs`` (``kernel``).
    Delay: 64 ms of resampling; what the filters add is in ``filters``.
    """
    signal, correction, missing = fill_gaps(front.gaps, mv, fs)
    real = len(mv) - held
    score, word, dark = judge_seconds(front.quality, signal[:real], missing[:real], fs)
    blind = _mark_blind(front, dark, missing, fs, real)
    steps = resample_block(front.resampling, signal + correction, fs, taps, half)
    passed = band_pass(front.filters, steps).astype(np.float32)
    energy = envelope(front.filters, passed.astype(np.float64))
    shown = normalise(front.heat, passed, blind, front.first)
    kept = front.kept
    grid = np.concatenate((front.grid[:kept], steps.astype(np.float32)))
    band = np.concatenate((front.band[:kept], passed))
    first = front.first
    _keep_history(front, grid, band, blind)
    return Taken(mv[:real], score, word, grid, band, energy, shown, blind, first)


@compiled
def _mark_blind(front: State, dark: Mask, missing: Mask, fs: int, real: int) -> Mask:
    """Return which steps are unreadable: those of the history and of this piece."""
    old = front.judged
    count = -(-len(missing) * GRID_FS // fs)
    judged = -(-real * GRID_FS // fs)
    blind = np.empty(old + count, np.bool_)
    for k in range(old):
        blind[k] = front.blind[k] != 0
    hole = front.hole
    at, part = 0, 0  # k * fs // GRID_FS, and what is left of it
    for k in range(count):
        hole = hole + 1 if missing[min(at, len(missing) - 1)] else 0
        blind[old + k] = hole >= HOLE or k >= judged or dark[k // GRID_FS]
        part += fs
        while part >= GRID_FS:
            at, part = at + 1, part - GRID_FS
    front.hole = min(hole, 1 << 40)
    return blind


@compiled
def _keep_history(front: State, grid: Signal, band: Signal, blind: Mask) -> None:
    """Keep the last steps for what the next piece settles."""
    drop = max(len(band) - HISTORY, 0)
    front.kept = len(band) - drop
    front.grid[: front.kept] = grid[drop:]
    front.band[: front.kept] = band[drop:]
    front.judged = len(blind) - drop
    for k in range(front.judged):
        front.blind[k] = blind[drop + k]
    front.first += drop


@compiled
def settle(
    front: State, taken: Taken, heat: Signal, asked: bool, end: int, fs: int
) -> Settled:
    """Find the R peaks now settled and describe the beats; updates ``front`` (FRONT).

    ``heat`` [h] is the net's answer to ``taken.shown``, if it was ``asked``; without it
    the classical detector decides alone. ``end`` is the record sample at which the
    record ends, OPEN while it goes on. Delay: an R peak is settled within 1 s, a beat
    with the next R peak or 1.6 s later.
    """
    votes = find_votes(front.detector, taken.energy, taken.blind, taken.first)
    if asked:
        steps = fuse(front.fusion, heat, votes, taken.blind, taken.first)
        settled = fusion_frontier(front.fusion)
    else:
        steps = votes[:, 0] - TO_BAND
        settled = frontier(front.detector)
    at_front = max(settled - MOVE, 0)
    waiting = _locate(front, taken, steps, fs)
    count = len(waiting)
    while count and waiting[count - 1, 1] >= end - CUT_OFF_MS * fs // 1000:
        count -= 1
    r_peaks = waiting[min(int(front.waits), count) : count, 1].astype(np.int64)
    ready = count
    if count and end == OPEN and at_front - waiting[count - 1, 0] <= POST_WAIT:
        ready -= 1
    pre_s = waiting[:ready, 2].copy()
    post_s = np.full(ready, np.nan)
    for k in range(min(ready, count - 1)):
        # Live we do not wait longer, so nobody may know of a longer interval.
        if waiting[k + 1, 2] * GRID_FS <= POST_WAIT:
            post_s[k] = waiting[k + 1, 2]
    places = waiting[:ready, 0].astype(np.int64) - taken.first
    windows, templates, features, _ = describe_beats(
        front.beats, taken.band, places, pre_s, post_s
    )
    front.waits = 1 if ready < count else 0
    if front.waits:
        front.waiting[:] = waiting[ready]
    frontier_sample = min(at_front * fs // GRID_FS, end)
    waiting_from = frontier_sample if end == OPEN else end
    if front.waits:
        waiting_from = min(int(front.waiting[1]), frontier_sample)
    _remember_dark(front, taken)
    samples = waiting[:ready, 1].astype(np.int64)
    return Settled(
        r_peaks,
        frontier_sample,
        waiting_from,
        samples,
        pre_s,
        windows,
        templates,
        features,
        post_s,
    )


@compiled
def _locate(front: State, taken: Taken, steps: Samples, fs: int) -> Array:
    """Align and refine new R peaks; return them [k, 3] behind the one that waits."""
    aligned = align_r_peaks(taken.band, steps - taken.first)
    places = refine_peaks(taken.grid, aligned - BAND_DELAY)
    rows = np.empty((len(steps) + 1, 3))
    count = 0
    if front.waits:
        rows[0] = front.waiting
        count = 1
    for k in range(len(aligned)):
        step = aligned[k] + taken.first
        # An R peak at the very start may be aligned to before it.
        if step < 0 or (front.previous >= 0 and step - front.previous < NEAREST):
            continue
        sample = max(grid_to_sample(places[k] + taken.first, fs), 0)
        if count and sample <= rows[count - 1, 1]:
            continue
        pre_s = np.nan
        if front.previous >= 0 and not _may_hide(front, taken, step):
            pre_s = (step - front.previous) / GRID_FS
        rows[count, 0], rows[count, 1], rows[count, 2] = step, sample, pre_s
        count += 1
        front.previous = step
    return rows[:count]


@compiled
def _may_hide(front: State, taken: Taken, step: int) -> bool:
    """Tell whether a beat may hide in an unreadable step since the last R peak."""
    if front.dark > front.previous:
        return True
    for at in range(max(front.previous + 1, taken.first), step + 1):
        if taken.blind[at - taken.first]:
            return True
    return False


@compiled
def _remember_dark(front: State, taken: Taken) -> None:
    """Remember the latest unreadable step that the history no longer holds."""
    for k in range(len(taken.band) - HISTORY):
        if taken.blind[k]:
            front.dark = taken.first + k
    # What lies before the last R peak is of no more use.
    if front.dark <= front.previous:
        front.dark = -1
