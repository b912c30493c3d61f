"""What the classifier sees of a beat: two windows and a row of features."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from inference.ecg.align import cut_window
from inference.ecg.compiled import State, compiled
from inference.ecg.conducted import (
    CONDUCTED,
    CONDUCTED_FEATURES,
    describe_conducted,
    start_conducted,
)
from inference.ecg.families import (
    FAMILIES,
    FAMILY_FEATURES,
    follow_families,
    own_family,
)
from inference.ecg.grid import BEFORE, GRID_FS, POST_WAIT, WINDOW
from inference.ecg.irregular import INTERVALS, ROOM, interval_row, probability_of
from inference.ecg.mixture import MIXTURE_FEATURES, describe_mixture
from inference.ecg.pace import PACE_FEATURES, bounded, describe_pace
from inference.ecg.rr import RR, RR_FEATURES, describe_intervals, start_rr
from inference.ecg.shape import (
    NOISE_FEATURES,
    SHAPE_FEATURES,
    describe_noise,
    describe_shape,
)
from inference.ecg.template import TEMPLATE, follow_template
from inference.ecg.types import Array, Real, Samples, Signal
from inference.ecg.windows import amplitude_mv, qrs_width_s

FEATURES = (
    *RR_FEATURES,
    *SHAPE_FEATURES,
    *PACE_FEATURES,
    *FAMILY_FEATURES,
    *NOISE_FEATURES,
    *MIXTURE_FEATURES,
    *CONDUCTED_FEATURES,
    "af_probability",
)
SHAPE_AT = len(RR_FEATURES)
LIKE_QRS = SHAPE_FEATURES.index("like_qrs")
WIDTH_DIFFERENCE = SHAPE_FEATURES.index("width_difference")
PACE_AT = SHAPE_AT + len(SHAPE_FEATURES)
FAMILY_AT = PACE_AT + len(PACE_FEATURES)
NOISE_AT = FAMILY_AT + len(FAMILY_FEATURES)
MIXTURE_AT = NOISE_AT + len(NOISE_FEATURES)
CONDUCTED_AT = MIXTURE_AT + len(MIXTURE_FEATURES)
CHANNELS = ("beat", "beat minus template")
FARTHEST = 8.0  # of the template's QRS: what is beyond is cut off

# All that is carried from beat to beat.
BEATS = np.dtype(
    [
        ("rr", RR),
        ("template", TEMPLATE),
        ("families", FAMILIES),
        ("conducted", CONDUCTED),
        ("previous", "f4", (WINDOW,)),
    ],
    align=True,
)


class Described(NamedTuple):
    """Per beat: windows float32[n, 96] in mV, templates float32[n, 96] in mV,
    features float32[n, F], and the probability of atrial fibrillation around it [n].
    """

    windows: Signal
    templates: Signal
    features: Signal
    af: Array


def start_beats(state: State) -> None:
    """Set a zeroed BEATS record to that of a record without a beat."""
    start_rr(state["rr"])
    start_conducted(state["conducted"])


def initial_beats() -> State:
    """Return the BEATS record of a record without a beat."""
    state = np.zeros(1, BEATS)[0]
    start_beats(state)
    return state


@compiled
def describe_beats(
    state: State, signal: Real, r_peaks: Samples, pre_s: Array, post_s: Array
) -> Described:
    """Describe n beats in order; updates ``state`` (BEATS).

    ``signal`` [m] is the band-passed grid signal in mV, ``r_peaks`` int64[n] aligned
    indices in it, ``pre_s`` and ``post_s`` [n] the intervals around each in s (NaN:
    unknown). Needs 448 ms of signal after an R peak, and the next R peak for
    ``post_s``. Beats one by one and many at once give the same, bit for bit.
    """
    n = len(r_peaks)
    windows = np.empty((n, WINDOW), np.float32)
    templates = np.empty((n, WINDOW), np.float32)
    features = np.empty((n, len(FEATURES)), np.float32)
    af = np.empty(n)
    scratch, row = np.empty(WINDOW), np.empty(len(FEATURES))
    intervals, room = np.empty(INTERVALS), np.empty(ROOM)
    for k in range(n):
        window, template = windows[k], templates[k]
        pre, post = pre_s[k], post_s[k]
        cut_window(signal, r_peaks[k] - BEFORE, scratch, window)
        local = describe_intervals(state.rr, pre, post, row)
        like = follow_template(state.template, window, pre / local, template)
        describe_shape(window, template, state.previous, like, row[SHAPE_AT:])
        describe_pace(state.rr, pre, post, local, row[PACE_AT:])
        own = own_family(state.families)
        describe_mixture(state.families, own, window, row[MIXTURE_AT:])
        follow_families(
            state.families,
            window,
            bounded(row[PACE_AT]),
            bounded(row[PACE_AT + 1]),
            qrs_width_s(window),
            amplitude_mv(window),
            row[FAMILY_AT:],
        )
        describe_conducted(
            state.conducted,
            pre,
            post,
            row[SHAPE_AT + LIKE_QRS],
            row[SHAPE_AT + WIDTH_DIFFERENCE],
            row[CONDUCTED_AT:],
        )
        describe_noise(window, amplitude_mv(template), row[NOISE_AT:])
        known = interval_row(state.rr.intervals, post, intervals)
        af[k] = probability_of(intervals, known, room)
        row[len(FEATURES) - 1] = af[k]
        for j in range(WINDOW):
            state.previous[j] = window[j]
        for j in range(len(row)):
            features[k, j] = row[j]
    return Described(windows, templates, features, af)


@compiled
def to_input(windows: Real, templates: Real) -> Signal:
    """Return the classifier's windows float32[n, 96, 2].

    They are in units of the template's QRS. ``windows`` and ``templates`` are [n, 96]
    in mV; a value beyond +-8 is cut off.
    """
    pair = np.empty((len(windows), WINDOW, len(CHANNELS)), np.float32)
    for n in range(len(windows)):
        window, template = windows[n], templates[n]
        scale = amplitude_mv(template)
        for k in range(WINDOW):
            beat, own = np.float64(window[k]), np.float64(template[k])
            pair[n, k, 0] = min(max(beat / scale, -FARTHEST), FARTHEST)
            pair[n, k, 1] = min(max((beat - own) / scale, -FARTHEST), FARTHEST)
    return pair


@compiled
def pre_intervals(r_peaks: Samples, last_blind: Samples, previous: int | None) -> Array:
    """Return the interval in s before each R peak [n], NaN where unknown.

    ``last_blind`` [n] is the latest unreadable step up to each R peak: a beat may hide
    there. ``previous`` is the R peak before the first of ``r_peaks`` [n], None or -1 if
    there is none. All are grid steps from the same step on. No delay.
    """
    before = -1
    if previous is not None:
        before = previous
    pre_s = np.empty(len(r_peaks))
    for k in range(len(r_peaks)):
        known = last_blind[k] <= before and (k > 0 or before >= 0)
        pre_s[k] = (r_peaks[k] - before) / GRID_FS if known else np.nan
        before = r_peaks[k]
    return pre_s


@compiled
def post_intervals(pre_s: Array) -> Array:
    """Return the interval in s after each beat but the last [n - 1], NaN where unknown.

    ``pre_s`` [n] are the intervals before the beats. Delay: one beat; live we do not
    wait longer than 1.6 s for the next, so nobody may know of a longer interval.
    """
    post_s = pre_s[1:].copy()
    for k in range(len(post_s)):
        if post_s[k] * GRID_FS > POST_WAIT:
            post_s[k] = np.nan
    return post_s
