"""From any sampling frequency to the grid, by a windowed sinc."""

from __future__ import annotations

from functools import cache
from math import ceil, gcd
from typing import NamedTuple

import numpy as np

from inference.ecg.compiled import SIDE_BY_SIDE, State, compiled
from inference.ecg.grid import GRID_FS, MAX_FS, check_fs
from inference.ecg.types import Array

HALF_WIDTH_S = 0.064
CUTOFF_HZ = 47.0  # above the 40 Hz of the band filter, below the grid's 62.5 Hz

# Input not yet used up and how much it is, the sample it starts at, the next step.
TAIL = 2 * ceil(HALF_WIDTH_S * MAX_FS) + MAX_FS // GRID_FS
RESAMPLING = np.dtype(
    [("tail", "f8", (TAIL,)), ("length", "i8"), ("start", "i8"), ("step", "i8")],
    align=True,
)


class Kernel(NamedTuple):
    """The taps of every phase: weights [phases, taps], the first at 1 - ``half``."""

    weights: Array
    half: int


@cache
def kernel(fs: int) -> Kernel:
    """Return the Hann-windowed sinc that takes ``fs`` Hz to the grid, [phases, taps].

    It cuts off at 47 Hz and reaches 64 ms to both sides; each phase sums to 1, so a
    constant stays the same constant. ``UnsupportedRate`` for an ``fs`` we do not take.
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


def start_resampling(state: State, fs: int) -> None:
    """Set the state before sample 0 at ``fs`` Hz; what came before counts as 0 mV."""
    state["length"] = kernel(fs).half
    state["start"] = -kernel(fs).half


@compiled
def resample_block(
    state: State, signal: Array, fs: int, weights: Array, half: int
) -> Array:
    """Return the grid steps [k] that ``signal`` [n] at ``fs`` Hz completes.

    ``weights`` [phases, taps] and ``half`` are those of ``kernel(fs)``. Step j lies at
    sample j * fs / 125 and needs 64 ms of signal after it: that is the delay; the
    result is not shifted. Updates ``state`` (RESAMPLING).
    """
    buffer = np.empty(state.length + len(signal))
    buffer[: state.length] = state.tail[: state.length]
    buffer[state.length :] = signal
    stop = state.start + len(buffer)
    first, phases = state.step, len(weights)
    # The last step whose final tap, at floor(j * fs / 125) + half, is there.
    last = ((stop - half) * GRID_FS - 1) // fs
    count = max(last - first + 1, 0)
    out = np.empty(count)
    at, part = first * fs // GRID_FS + 1 - half - state.start, first * fs % GRID_FS
    if phases == 1:
        _decimate(buffer[at:], fs // GRID_FS, weights[0], out)
    else:
        _interpolate(buffer, at, part, first % phases, fs, weights, out)
    state.step = first + count
    keep = max(state.step * fs // GRID_FS + 1 - half - state.start, 0)
    state.length = len(buffer) - keep
    state.tail[: state.length] = buffer[keep:]
    state.start += keep
    return out


@compiled
def _decimate(buffer: Array, step: int, taps: Array, out: Array) -> None:
    """Fill ``out`` [n] with the sums of ``taps`` over each ``step``-th place.

    The same sums in the same order as ``_interpolate``, but many of them side by
    side in one vector: at 250 Hz four times as fast.
    """
    width = len(taps) // step + 1 + SIDE_BY_SIDE
    rows, sums = np.zeros((step, width)), np.empty((4, SIDE_BY_SIDE))
    for start in range(0, len(out), SIDE_BY_SIDE):
        count = min(SIDE_BY_SIDE, len(out) - start)
        from_here = buffer[start * step :]
        for row in range(step):
            for k in range(min(width, (len(from_here) - row + step - 1) // step)):
                rows[row, k] = from_here[k * step + row]
        sums[:] = 0.0
        for k in range(len(taps)):
            # The last two of an odd number of pairs belong to the first sum.
            lane = k % 4 if k < len(taps) // 4 * 4 else 0
            tap, total = taps[k], sums[lane]
            values = rows[k % step, k // step : k // step + count]
            for i in range(count):
                total[i] += tap * values[i]
        a, b, c, d = sums[0], sums[1], sums[2], sums[3]
        for i in range(count):
            out[start + i] = (a[i] + b[i]) + (c[i] + d[i])


@compiled
def _interpolate(
    buffer: Array,
    at: int,
    part: int,
    phase: int,
    fs: int,
    weights: Array,
    out: Array,
) -> None:
    """Fill ``out`` [n] step by step, each with the taps of its phase."""
    phases, half = len(weights), weights.shape[1] // 2
    for i in range(len(out)):
        taps, values = weights[phase], buffer[at : at + 2 * half]
        # Four sums side by side are one vector of them.
        a = b = c = d = 0.0
        for k in range(half // 2):
            a += taps[4 * k] * values[4 * k]
            b += taps[4 * k + 1] * values[4 * k + 1]
            c += taps[4 * k + 2] * values[4 * k + 2]
            d += taps[4 * k + 3] * values[4 * k + 3]
        for k in range(half // 2 * 4, 2 * half):
            a += taps[k] * values[k]
        out[i] = (a + b) + (c + d)
        part += fs
        at, part = at + part // GRID_FS, part % GRID_FS
        phase = phase + 1 if phase + 1 < phases else 0


def resample(signal: Array, fs: int) -> Array:
    """Return a whole record [n] at ``fs`` Hz on the grid, [ceil(n * 125 / fs)].

    The first and last values are held beyond the ends; NaN is for ``fill_gaps`` to take
    out before. Linear phase: no delay, no shift. ``UnsupportedRate`` as ``kernel``.
    """
    weights, half = kernel(fs)
    if not len(signal):
        return np.zeros(0)
    state = np.zeros(1, RESAMPLING)[0]
    start_resampling(state, fs)
    state["tail"] = float(signal[0])
    held = np.full(half + 1, float(signal[-1]))
    padded = np.concatenate((np.asarray(signal, dtype=np.float64), held))
    steps = resample_block(state, padded, fs, weights, half)
    return steps[: ceil(len(signal) * GRID_FS / fs)]
