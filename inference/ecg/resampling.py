"""From any sampling frequency to the grid, by a windowed sinc."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from math import ceil, gcd

import numpy as np

from inference.ecg.grid import GRID_FS, check_fs
from inference.ecg.types import Array

HALF_WIDTH_S = 0.064
CUTOFF_HZ = 47.0  # above the 40 Hz of the band filter, below the grid's 62.5 Hz


@dataclass(frozen=True)
class Kernel:
    """The taps of every phase: weights [phases, taps], first tap at 1 - half."""

    weights: Array
    half: int


@cache
def kernel(fs: int) -> Kernel:
    """Return the Hann-windowed sinc that takes ``fs`` to the grid.

    Each phase sums to 1, so a constant stays the same constant.
    """
    half = ceil(HALF_WIDTH_S * fs)
    phases = GRID_FS // gcd(check_fs(fs), GRID_FS)
    fraction = (np.arange(phases) * fs % GRID_FS) / GRID_FS
    at_s = (np.arange(1 - half, half + 1)[None, :] - fraction[:, None]) / fs
    cutoff = min(CUTOFF_HZ, 0.45 * fs)
    weights = (
        np.sinc(2 * cutoff * at_s) * np.cos(0.5 * np.pi * at_s / HALF_WIDTH_S) ** 2
    )
    weights[np.abs(at_s) >= HALF_WIDTH_S] = 0.0
    return Kernel(weights / weights.sum(axis=1, keepdims=True), half)


@dataclass
class ResampleState:
    """Input not yet used up, the sample it starts at, the next grid step."""

    tail: Array = field(default_factory=lambda: np.zeros(0))
    tail_start: int = 0
    next_step: int = 0


def initial_resampling(fs: int) -> ResampleState:
    """Return the state before sample 0; what came before counts as 0 mV."""
    half = kernel(fs).half
    return ResampleState(tail=np.zeros(half), tail_start=-half)


def resample_block(state: ResampleState, signal: Array, fs: int) -> Array:
    """Return the grid steps that ``signal`` completes.

    Step j lies at sample j * fs / 125 and needs 64 ms of signal after it: that
    is the delay; the result is not shifted. A loop over taps adds whole vectors,
    so a value does not depend on how many were asked for. Updates ``state``.
    """
    taps = kernel(fs)
    buffer = np.concatenate((state.tail, signal))
    stop = state.tail_start + len(buffer)
    first = state.next_step
    # The last step whose final tap, at floor(j * fs / 125) + half, is there.
    last = ((stop - taps.half) * GRID_FS - 1) // fs
    count = max(last - first + 1, 0)
    out = np.zeros(count)
    if count:
        base = first * fs // GRID_FS + 1 - taps.half - state.tail_start
        phases = len(taps.weights)
        if phases == 1:
            step = fs // GRID_FS
            end = base + (count - 1) * step + 1
            for k, weight in enumerate(taps.weights[0].tolist()):
                out += weight * buffer[base + k : end + k : step]
        else:
            steps = np.arange(first, first + count)
            at = steps * fs // GRID_FS + 1 - taps.half - state.tail_start
            phase = steps % phases
            for k in range(2 * taps.half):
                out += taps.weights[phase, k] * buffer[at + k]
    state.next_step = first + count
    keep = state.next_step * fs // GRID_FS + 1 - taps.half - state.tail_start
    state.tail = buffer[max(keep, 0) :].copy()
    state.tail_start += max(keep, 0)
    return out


def resample(signal: Array, fs: int) -> Array:
    """Return a whole record [n] at ``fs`` Hz on the grid, [ceil(n * 125 / fs)].

    The first and last values are held beyond the ends. No shift.
    """
    if not len(signal):
        return np.zeros(0)
    state = initial_resampling(fs)
    first = float(signal[0])
    state.tail = np.full(len(state.tail), first)
    held = np.full(kernel(fs).half + 1, float(signal[-1]))
    padded = np.concatenate((np.asarray(signal, dtype=np.float64), held))
    return resample_block(state, padded, fs)[: ceil(len(signal) * GRID_FS / fs)]
