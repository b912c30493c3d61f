"""The patient's own normal beat, learned while it runs and without labels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from inference.ecg.grid import BEFORE, WINDOW
from inference.ecg.types import Array, Signal

FIRST_BEATS = 10
KEPT_BEATS = 20
MATCH = 0.85
SLOWEST = 32  # a beat counts for 1/32 at least
MATCHES = 40  # beats whose match is remembered;
RESTART = 30  # so many without one start the template afresh
QRS = slice(BEFORE - 14, BEFORE + 15)


@dataclass
class TemplateState:
    """The running template, the last beats' windows, how many did not match."""

    template: Array = field(default_factory=lambda: np.zeros(WINDOW))
    recent: Signal = field(default_factory=lambda: np.zeros((0, WINDOW), np.float32))
    seen: int = 0
    weight: int = 0
    unmatched: int = 0  # one bit per beat, the last one lowest


def qrs_width_s(windows: Array) -> Array:
    """Return the QRS width [n] in s of windows [n, 96].

    The span that holds 10 to 90 % of |slope|^1.5 within 160 ms of the R peak.
    """
    slope = np.abs(np.diff(windows[:, BEFORE - 20 : BEFORE + 22], axis=1))
    area = np.cumsum(slope * np.sqrt(slope), axis=1)
    area = area / np.maximum(area[:, -1:], 1e-12)
    return np.asarray(_crossing(area, 0.9) - _crossing(area, 0.1)) / 125.0


def _crossing(area: Array, level: float) -> Array:
    at = np.argmax(area >= level, axis=1)
    row = np.arange(len(area))
    low = np.where(at > 0, area[row, np.maximum(at - 1, 0)], 0.0)
    rise = np.maximum(area[row, at] - low, 1e-12)
    return np.asarray(at - 1 + (level - low) / rise)


def _unit(windows: Array) -> Array:
    centred = windows - windows.mean(axis=-1, keepdims=True)
    norm = np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    return np.asarray(centred / np.maximum(norm, 1e-9))


def correlation(a: Array, b: Array) -> Array:
    """Return the correlation of each row of ``a`` with the same row of ``b``."""
    return np.asarray((_unit(a) * _unit(b)).sum(axis=-1))


def _medoid(windows: Array) -> Array:
    """Return the window most like the others, a narrow QRS preferred."""
    unit = _unit(windows)
    alike = np.array([(unit * row).sum(axis=1).mean() for row in unit])
    best = int(np.argmax(alike - 0.8 * qrs_width_s(windows)))
    return np.array(windows[best])


def run_template(state: TemplateState, windows: Array, ratio: Array) -> Array:
    """Return the template [n, 96] that each beat is compared with.

    ``ratio`` is each beat's pre-RR over the local reference: only beats in time
    teach. The first 10 beats are compared with the medoid of those so far; a
    record whose beats stop matching starts afresh from the last 20. Causal.
    Updates ``state``.
    """
    out = np.zeros_like(windows)
    units = _unit(windows)
    unit = _unit(state.template)
    in_time = ((ratio > 0.8) & (ratio < 1.3)).tolist()
    recent: Array = np.concatenate((state.recent.astype(np.float64), windows))
    kept = len(state.recent)
    for k in range(len(windows)):
        if state.seen < FIRST_BEATS:
            state.seen += 1
            state.template = _medoid(
                recent[max(kept + k + 1 - KEPT_BEATS, 0) : kept + k + 1]
            )
            unit, state.weight = _unit(state.template), state.seen
            out[k] = state.template
            continue
        out[k] = state.template
        alike = float((units[k] * unit).sum()) > MATCH
        state.unmatched = (state.unmatched << 1 | (not alike)) & ((1 << MATCHES) - 1)
        if alike and in_time[k]:
            state.weight = min(state.weight + 1, SLOWEST)
            template = state.template + (windows[k] - state.template) / state.weight
            # In 4 bytes two histories of one patient soon agree to the last bit.
            state.template = template.astype(np.float32).astype(np.float64)
            unit = _unit(state.template)
        elif state.unmatched.bit_count() >= RESTART:
            state.template = _medoid(recent[kept + k + 1 - KEPT_BEATS : kept + k + 1])
            unit, state.weight, state.unmatched = _unit(state.template), KEPT_BEATS, 0
    state.recent = recent[max(len(recent) - KEPT_BEATS, 0) :].astype(np.float32)
    return out
