"""What the classifier sees of a beat: two windows and a row of features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from inference.ecg.af import af_probability
from inference.ecg.align import segment
from inference.ecg.grid import BEFORE, GRID_FS, POST_WAIT, WINDOW
from inference.ecg.rr import RR_FEATURES, RRState, rr_features
from inference.ecg.template import (
    QRS,
    TemplateState,
    correlation,
    qrs_width_s,
    run_template,
)
from inference.ecg.types import Array, Real, Samples, Signal

P_PART = slice(BEFORE - 28, BEFORE - 8)
T_PART = slice(BEFORE + 15, WINDOW)
SHAPE_FEATURES = (
    "width",
    "width_difference",
    "template_width",
    "log_amplitude",
    "like_qrs",
    "like_all",
    "like_p",
    "like_previous",
    "residual_p",
    "residual_qrs",
    "residual_t",
)
FEATURES = (*RR_FEATURES, *SHAPE_FEATURES)
CHANNELS = ("beat", "beat minus template")
SMALLEST_MV = 0.02  # a template amplitude below this is no beat's


@dataclass
class BeatState:
    """All that is carried from beat to beat."""

    rr: RRState = field(default_factory=RRState)
    template: TemplateState = field(default_factory=TemplateState)
    previous: Signal = field(default_factory=lambda: np.zeros(WINDOW, np.float32))


class Described(NamedTuple):
    """Per beat: windows [n, 96] in mV, templates [n, 96] in mV, features [n, F],
    and the probability of atrial fibrillation around it [n].
    """

    windows: Array
    templates: Array
    features: Array
    af: Array


def describe_beats(
    state: BeatState, signal: Real, r_peaks: Samples, pre_s: Array, post_s: Array
) -> Described:
    """Describe n beats in order; updates ``state``.

    ``signal`` is the band-passed grid signal, ``r_peaks`` aligned indices in it,
    ``pre_s`` and ``post_s`` the intervals around each (NaN: unknown). Needs
    448 ms of signal after an R peak, and the next R peak for ``post_s``.
    """
    windows = segment(signal, r_peaks, before=BEFORE, length=WINDOW)
    # Rounded once, so that what is carried in 4 bytes is what was computed with.
    windows = windows.astype(np.float32).astype(np.float64)
    af = af_probability(state.rr.intervals, pre_s, post_s)
    rr = rr_features(state.rr, pre_s, post_s)
    templates = run_template(state.template, windows, rr.ratio)
    before: Array = np.concatenate((state.previous[None, :].astype(float), windows))
    if len(windows):
        state.previous = windows[-1].astype(np.float32)
    shape = shape_features(windows, templates, before[: len(windows)])
    features = np.concatenate((rr.features, shape), axis=1)
    return Described(windows, templates, features, af)


def amplitude_mv(templates: Array) -> Array:
    """Return the QRS peak-to-peak [n] of templates [n, 96]."""
    qrs = templates[:, QRS]
    return np.asarray(np.maximum(qrs.max(axis=1) - qrs.min(axis=1), SMALLEST_MV))


def shape_features(windows: Array, templates: Array, previous: Array) -> Array:
    """Return SHAPE_FEATURES [n, 11] of windows against templates, all [n, 96]."""
    amplitude = amplitude_mv(templates)
    width, own_width = qrs_width_s(windows), qrs_width_s(templates)
    residual = (windows - templates) / amplitude[:, None]

    def rms(part: slice) -> Array:
        return np.asarray(np.sqrt((residual[:, part] ** 2).mean(axis=1)))

    def like(part: slice) -> Array:
        # A copy: sums over rows of a slice and of an array may differ in order.
        return correlation(windows[:, part].copy(), templates[:, part].copy())

    columns = (
        10 * (width - 0.1),
        10 * (width - own_width),
        10 * (own_width - 0.1),
        np.log(amplitude_mv(windows) / amplitude),
        like(QRS),
        like(slice(0, WINDOW)),
        like(P_PART),
        correlation(windows, previous),
        rms(P_PART),
        rms(QRS),
        rms(T_PART),
    )
    return np.stack(columns, axis=1) if len(windows) else np.zeros((0, len(columns)))


def to_input(windows: Array, templates: Array) -> Array:
    """Return the classifier's windows [n, 96, 2], in units of the template's QRS."""
    scale = amplitude_mv(templates)[:, None] if len(windows) else np.ones((0, 1))
    pair = np.stack((windows / scale, (windows - templates) / scale), axis=2)
    return np.clip(pair, -8.0, 8.0)


def pre_intervals(r_peaks: Samples, last_blind: Samples, previous: int | None) -> Array:
    """Return the interval in s before each R peak [n], NaN where unknown.

    ``last_blind`` is the latest unreadable step up to each R peak: a beat may hide
    there. ``previous`` is the R peak before the first of ``r_peaks``.
    """
    before = np.concatenate(([-1 if previous is None else previous], r_peaks[:-1]))
    pre = (r_peaks - before[: len(r_peaks)]) / GRID_FS
    pre[last_blind > before[: len(r_peaks)]] = np.nan
    if previous is None and len(pre):
        pre[0] = np.nan
    return np.asarray(pre)


def post_intervals(pre_s: Array) -> Array:
    """Return the interval after each beat but the last [n - 1], NaN where unknown.

    Live we do not wait longer than 1.6 s for the next beat, so nobody may know
    of a longer interval.
    """
    return np.asarray(np.where(pre_s[1:] * GRID_FS > POST_WAIT, np.nan, pre_s[1:]))
