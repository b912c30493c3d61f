"""Fibrillation by duration, through the code that also follows it live."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from inference.ecg.af import IRREGULARITY, follow_irregularity, start_irregularity
from inference.ecg.episode_log import CHANGED, new_log
from inference.ecg.fibrillating import AF_STATE, end_af, follow_af, start_af
from inference.ecg.grid import POST_WAIT
from inference.ecg.types import CLASSES, Samples
from ml.af_ectopy import Flags, Real
from ml.af_net import Net
from ml.af_rows import Series

FS = 250
POST_S = POST_WAIT / 125


class Lead(NamedTuple):
    """The intervals of a lead [n], and the atrial evidence at each (NaN: unknown)."""

    series: Series
    evidence: Real


def probability_of(lead: Lead, net: Net) -> Real:
    """Return the probability of fibrillation at the beat that ends each interval."""
    s, wide = lead.series.intervals
    post_s = np.append(s[1:], np.nan)
    post_s[post_s > POST_S] = np.nan
    said = np.zeros((len(s), len(CLASSES)), np.float32)
    said[np.arange(len(s)), np.where(wide, CLASSES.index("V"), 0)] = 1.0
    state = np.zeros(1, IRREGULARITY)[0]
    start_irregularity(state)
    rows = samples_of(lead.series), s, post_s, said, lead.evidence
    return np.asarray(follow_irregularity(state, *rows, FS, tuple(net)))


def samples_of(series: Series) -> Samples:
    """Return the beats that end the intervals as samples at 250 Hz."""
    return np.rint(series.ends_s * FS).astype(np.int64)


def episodes_of(series: Series, probability: Real) -> Flags:
    """Return which intervals [n] lie in episodes."""
    state, log = np.zeros(1, AF_STATE)[0], new_log(len(probability) + 8)
    start_af(state)
    samples = samples_of(series)
    for sample, p in zip(samples, probability, strict=True):
        follow_af(state, sample, p, FS, log)
    end_af(state, FS, log)
    inside = np.zeros(len(samples), bool)
    for row in log.rows[: log.used[0]]:
        if row["kind"] == CHANGED:
            inside |= (samples > row["onset"]) & (samples <= row["end"])
    return inside


def durations(inside: Flags, series: Series) -> Real:
    """Return seconds of true, false, missed fibrillation and of none."""
    s, known = series.intervals.s, ~np.isnan(series.af)
    af = series.af == 1
    cases = (inside & af, inside & ~af, ~inside & af, ~inside & ~af)
    return np.array([s[known & case].sum() for case in cases])


def share(part: float, rest: float) -> float:
    """Return how much one part is of both in per cent."""
    return 100 * part / max(part + rest, 1.0)


def report_durations(name: str, leads: list[Lead], nets: list[Net]) -> None:
    """Print durations by a threshold and by episodes, each lead with its own net."""
    total, count = np.zeros((2, 4)), np.zeros(2)
    for lead, net in zip(leads, nets, strict=True):
        probability = probability_of(lead, net)
        both = probability > 0.5, episodes_of(lead.series, probability)
        for k, inside in enumerate(both):
            total[k] += durations(inside, lead.series)
            count[k] += (np.diff(inside.astype(int), prepend=0) == 1).sum()
    for k, rule in enumerate(("p > 0.5", "episodes")):
        tp, fp, fn, tn = total[k]
        whole = total[k].sum()
        print(
            f"{name}, {rule}: Se {share(tp, fn):.2f} Sp {share(tn, fp):.3f} "
            f"+P {share(tp, fp):.2f}, "
            f"called {100 * (tp + fp) / whole:.3f} %, {count[k]:.0f} times, "
            f"{86400 * count[k] / whole:.2f} per 24 h"
        )
