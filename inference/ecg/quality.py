"""How good each second of signal is, and why it is not.

Rules compare with the record's own recent amplitude, so they hold at any gain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.ecg.types import QUALITY_WORDS, Array, Mask

GOOD, FLAT, CLIPPED, NOISE, MISSING = range(len(QUALITY_WORDS))
REFERENCE_S = 60  # a minute, so that a silent heart does not become the usual
LEAST_MV = 0.1  # a smaller usual peak-to-peak is no heart's
MISSING_SHARE = 0.3
FLAT_SHARE = 0.002  # of the usual peak-to-peak
STUCK_SHARE = 0.95  # of samples equal to the one before
CLIP_SHARE = 0.10  # of samples at one extreme
MAINS_SHARE = 0.5  # of the power in one line of 50 or 60 Hz
ONLY_MAINS = 0.9  # nothing but mains: no beat can be seen
MAINS_LEVEL = 0.2  # peak-to-peak of the hum against the usual peak-to-peak
MAINS_HZ = (49.8, 50.0, 50.2, 59.8, 60.0, 60.2)  # the grid may be a little off
ROUGH = 0.08  # typical curvature against the usual peak-to-peak,
ROUGH_MV = 0.02  # and at least so much: finer noise hides nothing
SWING = 4.0  # peak-to-peak against the usual one
STEP = 1.5  # jump of the level against the usual peak-to-peak


@dataclass
class QualityState:
    """Peak-to-peak of the last seconds, the last level (NaN: unknown)."""

    ranges: list[float] = field(default_factory=list)
    level: float = float("nan")


class Seconds(NamedTuple):
    """Per second: score 0..100, index into QUALITY_WORDS, whether beats can show."""

    score: NDArray[np.uint8]
    word: NDArray[np.uint8]
    blind: Mask


def _mains_power(rows: Array, fs: int) -> Array:
    """Return the power of the stronger of 50 and 60 Hz in each row."""
    time = np.arange(rows.shape[1]) / fs
    best = np.zeros(len(rows))
    for hz in MAINS_HZ:
        angle = 2 * np.pi * hz * time
        cos = (rows * np.cos(angle)).sum(axis=1)
        sin = (rows * np.sin(angle)).sum(axis=1)
        best = np.maximum(best, 2 * (cos**2 + sin**2) / rows.shape[1] ** 2)
    return best


def judge_seconds(
    state: QualityState, signal: Array, missing: Mask, fs: int
) -> Seconds:
    """Judge whole seconds of gap-free ``signal`` [s * fs]; updates ``state``.

    A last row shorter than a second is judged as it is. No delay beyond the
    second itself.
    """
    full = len(signal) // fs
    parts = [(signal[: full * fs].reshape(full, fs), missing[: full * fs], fs)]
    if len(signal) > full * fs:
        rest = signal[full * fs :]
        parts.append((rest[None, :], missing[full * fs :], len(rest)))
    scores, words, blinds = [], [], []
    for rows, gaps, length in parts:
        if not len(rows):
            continue
        score, word, blind = _judge(state, rows, gaps.reshape(-1, length), fs)
        scores.append(score)
        words.append(word)
        blinds.append(blind)
    if not scores:
        none = np.zeros(0, dtype=np.uint8)
        return Seconds(none, none, np.zeros(0, dtype=bool))
    return Seconds(
        np.concatenate(scores), np.concatenate(words), np.concatenate(blinds)
    )


def _stays(at_edge: Mask) -> Mask:
    """Tell in which rows the signal rests at its edge for a good part of the time."""
    resting = (at_edge[:, 1:] & at_edge[:, :-1]).sum(axis=1)
    return np.asarray(resting > CLIP_SHARE * at_edge.shape[1])


def _judge(
    state: QualityState, rows: Array, gaps: Mask, fs: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Mask]:
    n, length = rows.shape
    gone = gaps.mean(axis=1) > MISSING_SHARE
    low, high = rows.min(axis=1), rows.max(axis=1)
    middle = np.median(rows, axis=1)
    span = high - low
    usual, step = _references(state, span, middle, gone)

    same = np.diff(rows, axis=1) == 0.0
    stuck = same.mean(axis=1) if length > 1 else np.ones(n)
    flat = (stuck >= STUCK_SHARE) | (span <= FLAT_SHARE * usual)
    usual = np.maximum(usual, LEAST_MV)

    clipped = _stays(rows >= high[:, None] - 1e-3 * span[:, None])
    clipped &= high - middle > 0.3 * span
    at_low = _stays(rows <= low[:, None] + 1e-3 * span[:, None])
    clipped |= at_low & (middle - low > 0.3 * span)

    centred = rows - rows.mean(axis=1, keepdims=True)
    power = np.maximum((centred**2).mean(axis=1), 1e-30)
    mains = _mains_power(centred, fs)
    # A sine of power p has a peak-to-peak of 2 * sqrt(2 * p).
    hum = (mains > MAINS_SHARE * power) & (8 * mains > (MAINS_LEVEL * usual) ** 2)
    lag = max(round(fs / 125), 1)
    rough = np.zeros(n)
    if length > 2 * lag:
        bend = rows[:, 2 * lag :] - 2 * rows[:, lag:-lag] + rows[:, : -2 * lag]
        rough = np.median(np.abs(bend), axis=1)
    noise = hum | (rough > np.maximum(ROUGH * usual, ROUGH_MV))
    noise |= (span > SWING * usual) | (step > STEP * usual)

    word = np.where(noise, NOISE, GOOD)
    word = np.where(clipped & ~hum, CLIPPED, word)
    word = np.where(flat, FLAT, word)
    word = np.where(gone, MISSING, word).astype(np.uint8)
    score = np.where(noise, 40.0, 100.0) - np.minimum(300.0 * rough / usual, 35.0)
    score = np.where(word == CLIPPED, 15.0, score) * (word != FLAT) * (word != MISSING)
    # A hole marks its own steps as unreadable, not the whole second.
    blind = flat | (hum & (mains > ONLY_MAINS * power))
    return score.astype(np.uint8), word, blind


def _references(
    state: QualityState, span: Array, level: Array, gone: Mask
) -> tuple[Array, Array]:
    """Return the usual peak-to-peak and the jump of the level for each second."""
    usual, step = np.zeros(len(span)), np.zeros(len(span))
    rows = zip(span.tolist(), level.tolist(), gone.tolist(), strict=True)
    for k, (pp, middle, is_gone) in enumerate(rows):
        if not is_gone and pp > 0.0:
            state.ranges.append(pp)
            del state.ranges[:-REFERENCE_S]
        ordered = sorted(state.ranges)
        usual[k] = ordered[len(ordered) // 2] if ordered else 0.0
        step[k] = abs(middle - state.level)  # NaN compares as no step
        state.level = float("nan") if is_gone else middle
    return usual, step
