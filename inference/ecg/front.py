"""From raw signal to R peaks and beats ready to be classified."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from inference.ecg.align import align_r_peaks, refine_peaks
from inference.ecg.beats import (
    BeatState,
    Described,
    describe_beats,
    post_intervals,
    pre_intervals,
)
from inference.ecg.detector import DELAY, DetectorState, find_r_peaks
from inference.ecg.filters import BAND_DELAY, FilterState, band_pass, envelope
from inference.ecg.gaps import GapState, fill_gaps
from inference.ecg.grid import GRID_FS, HISTORY, POST_WAIT, grid_to_sample
from inference.ecg.quality import QualityState, Seconds, judge_seconds
from inference.ecg.resampling import ResampleState, resample_block
from inference.ecg.types import Array, Mask, Samples, Signal

HOLE = 25  # a hole of 0.2 s may hide a QRS
NEAREST = 20  # two R peaks aligned to one place are one
MOVE = 16  # grid steps by which alignment can move an R peak


@dataclass
class FrontState:
    """Carried from block to block, in the order of the work."""

    gaps: GapState = field(default_factory=GapState)
    quality: QualityState = field(default_factory=QualityState)
    resampling: ResampleState = field(default_factory=ResampleState)
    filters: FilterState = field(default_factory=FilterState)
    detector: DetectorState = field(default_factory=DetectorState)
    beats: BeatState = field(default_factory=BeatState)
    # The last steps of: signal, band-passed signal, unreadable or not, latest
    # unreadable step; ``first`` is the grid step of the first of them.
    first: int = 0
    grid: Signal = field(default_factory=lambda: np.zeros(0, np.float32))
    band: Signal = field(default_factory=lambda: np.zeros(0, np.float32))
    blind: Mask = field(default_factory=lambda: np.zeros(0, np.bool_))
    last_blind: Samples = field(default_factory=lambda: np.zeros(0, np.int64))
    hole: int = 0
    previous: int = -1  # the last R peak found, a grid step
    # R peaks whose class is not final: grid step, sample of the record, pre-RR.
    waiting: list[list[float]] = field(default_factory=list)


class Found(NamedTuple):
    """What one block of signal settled.

    ``r_peaks`` are record samples of R peaks as they were found, ``frontier`` the
    record sample before which none can follow. ``samples``, ``pre_s`` and
    ``described`` belong to the beats ready for the classifier.
    """

    seconds: Seconds
    r_peaks: list[int]
    frontier: int
    samples: Samples
    pre_s: Array
    described: Described


def find_beats(state: FrontState, mv: Signal, *, fs: int, held: int = 0) -> Found:
    """Take whole blocks of signal and give what they settle; updates ``state``.

    ``mv`` [n] is in mV, NaN where missing. Its last ``held`` samples are beyond
    the end of the record: they let the last beats be settled, are not judged and
    hold no beat.
    """
    signal, correction, missing = fill_gaps(state.gaps, mv, fs)
    real = len(mv) - held
    seconds = judge_seconds(state.quality, signal[:real], missing[:real], fs)
    _mark_blind(state, seconds, missing, fs, real)

    steps = resample_block(state.resampling, signal + correction, fs)
    band = band_pass(state.filters, steps).astype(np.float32)
    energy = envelope(state.filters, band.astype(np.float64))
    state.grid = np.concatenate((state.grid, steps.astype(np.float32)))
    state.band = np.concatenate((state.band, band))
    maxima = find_r_peaks(state.detector, energy, state.blind, state.first)
    new = _locate(state, maxima, fs)
    samples, pre_s, described = _describe(state, bool(held))
    keep = max(len(state.band) - HISTORY, 0)
    state.grid, state.band = state.grid[keep:].copy(), state.band[keep:].copy()
    state.blind = state.blind[keep:].copy()
    state.last_blind = state.last_blind[keep:].copy()
    state.last_blind[state.last_blind <= state.previous] = -1  # of no more use
    state.first += keep
    frontier = max(state.detector.frontier - MOVE, 0) * fs // GRID_FS
    return Found(seconds, new, frontier, samples, pre_s, described)


def _mark_blind(
    state: FrontState, seconds: Seconds, missing: Mask, fs: int, real: int
) -> None:
    """Append the unreadable steps of this block to the history."""
    start = state.first + len(state.blind)
    # start * fs is a multiple of GRID_FS: blocks are whole seconds.
    count = -(-len(missing) * GRID_FS // fs)
    steps = np.arange(count)
    hole = missing[np.minimum(steps * fs // GRID_FS, len(missing) - 1)]
    solid = np.maximum.accumulate(np.where(hole, -1 - state.hole, steps))
    blind = steps - solid >= HOLE
    if count:
        state.hole = int(count - 1 - solid[-1])
    judged = -(-real * GRID_FS // fs)
    blind[:judged] |= np.repeat(seconds.blind, GRID_FS)[:judged]
    blind[judged:] = True
    latest = int(state.last_blind[-1]) if len(state.last_blind) else -1
    marks = np.where(blind, start + steps, latest)
    state.blind = np.concatenate((state.blind, blind))
    state.last_blind = np.concatenate((state.last_blind, np.maximum.accumulate(marks)))


def _locate(state: FrontState, maxima: list[int], fs: int) -> list[int]:
    """Align new R peaks, refine them and put them among the waiting ones."""
    at = np.array(maxima, dtype=np.int64) - DELAY + BAND_DELAY - state.first
    aligned = align_r_peaks(state.band, at)
    places = refine_peaks(state.grid, aligned - BAND_DELAY)
    new: list[int] = []
    for step, place in zip(aligned.tolist(), places.tolist(), strict=True):
        step += state.first
        # An R peak at the very start may be aligned to before it.
        if step < 0 or (state.previous >= 0 and step - state.previous < NEAREST):
            continue
        sample = max(grid_to_sample(place + state.first, fs), 0)
        if state.waiting and sample <= state.waiting[-1][1]:
            continue
        previous = state.previous if state.previous >= 0 else None
        blind = state.last_blind[step - state.first : step - state.first + 1]
        pre = pre_intervals(np.array([step], dtype=np.int64), blind, previous)
        state.waiting.append([step, sample, float(pre[0])])
        state.previous = step
        new.append(sample)
    return new


def _describe(state: FrontState, ended: bool) -> tuple[Samples, Array, Described]:
    """Describe the waiting beats whose next beat is known, or will not be."""
    rows = np.array(state.waiting, dtype=np.float64).reshape(-1, 3)
    post = np.full(len(rows), np.nan)
    post[: max(len(rows) - 1, 0)] = post_intervals(rows[:, 2])
    ready = len(rows)
    if ready and not ended:
        waited = state.detector.frontier - MOVE - rows[-1, 0] > POST_WAIT
        ready -= 0 if waited else 1
    rows, post = rows[:ready], post[:ready]
    state.waiting = state.waiting[ready:]
    r_peaks = rows[:, 0].astype(np.int64) - state.first
    described = describe_beats(state.beats, state.band, r_peaks, rows[:, 2], post)
    return rows[:, 1].astype(np.int64), rows[:, 2].copy(), described
