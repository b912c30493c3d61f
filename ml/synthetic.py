"""Beats and rhythms that records hold too rarely, made from a patient's own beats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.ecg import CLASSES
from inference.ecg.beats import FEATURES
from inference.ecg.grid import BEFORE, GRID_FS
from ml.examples import KINDS, MARGIN, Examples, Sequence, after, describe

N, S, V, F = (CLASSES.index(name) for name in "NSVF")
LEAST_V = 5  # fewer beats of a class make no pattern
LEAST_S = 15
FUSED = 0.06  # share of normal beats that are fused
FUSED_FROM = 900  # beats at the start of a record that are used
ONSET = BEFORE + MARGIN - 16  # before its QRS a fusion beat is the normal beat,
RISE = 8  # from which it parts within 64 ms
RHYTHM = 500  # beats of a made-up rhythm
PATTERNS = ("runs", "bigeminy", "trigeminy", "mixed", "normal")
PATTERN_SHARES = (0.4, 0.15, 0.1, 0.2, 0.15)
SHORTEST = 25  # grid steps between two beats
LEAST_SHARE = 0.1
MIXTURE_SHARE = FEATURES.index("mixture_share")
SINUS = 300  # beats of an irregular sinus rhythm


def fusion_of(
    beats: Sequence, rng: np.random.Generator, index: int = 0
) -> Examples | None:
    """Return a record with fusion beats made from its N and V; None if it cannot.

    In a fusion beat the ventricles are excited from both sides: from the onset of
    QRS on it is a weighted sum of a normal and a ventricular beat, aligned within
    some 16 ms, and what comes before it, the P wave too, is the normal beat's. Its
    time is the normal beat's. Those that can be told are of the kind fusion, all
    other beats are of the kind between.
    """
    wide = beats.wide[:FUSED_FROM].copy()
    classes = beats.classes[:FUSED_FROM].copy()
    ventricular = np.flatnonzero(beats.classes == V)
    normal = np.flatnonzero(classes == N)
    normal = normal[normal > LEAST_S]
    if len(ventricular) < LEAST_V or not len(normal):
        return None
    chosen = rng.choice(normal, max(int(FUSED * len(normal)), 1), replace=False)
    share = np.clip((np.arange(wide.shape[1]) - ONSET) / RISE, 0.0, 1.0)
    for at in chosen:
        other = beats.wide[rng.choice(ventricular)]
        shift = int(np.clip(np.rint(rng.normal(0, 2)), -5, 5))
        other = np.roll(other - np.median(other), shift)
        own = wide[at] - np.median(wide[at])
        weight = rng.uniform(0.3, 0.75)
        fused = weight * own + (1 - weight) * other
        wide[at] = (1 - share) * own + share * fused
        classes[at] = F
    first = slice(0, FUSED_FROM)
    pre_s, post_s = beats.pre_s[first], beats.post_s[first]
    made = Sequence(beats.steps[first], wide, pre_s, post_s, classes)
    fused = describe(made, index, "between")
    shown = chosen[_shows(fused)[chosen]]
    fused.kinds[shown] = KINDS.index("fusion")
    return fused


def _shows(fused: Examples) -> NDArray[np.bool_]:
    """Return which fusion beats can be told: a ventricular family has been seen."""
    share = fused.features[:, MIXTURE_SHARE]
    return (share > LEAST_SHARE) & (share < 1 - LEAST_SHARE)


def ectopy_of(
    beats: Sequence, rng: np.random.Generator, index: int = 0
) -> Examples | None:
    """Return a rhythm in which a record's S beats take over; None if it has too few.

    Runs, bigeminy, trigeminy and pauses as of a sick sinus node, up to three
    quarters S: what is learned while it runs, template and median intervals, then
    belongs to the ectopic beats. Each beat is one of the patient's own, with P wave.
    """
    known = beats.pre_s > 0
    normal = np.flatnonzero((beats.classes == N) & known)
    early = np.flatnonzero((beats.classes == S) & known)
    wide = np.flatnonzero((beats.classes == V) & known)
    if len(early) < LEAST_S or len(normal) < LEAST_S:
        return None
    at, ratio = _rhythm(beats, normal, early, wide, rng)
    drift = np.zeros(len(at))
    for k in range(1, len(at)):
        drift[k] = 0.95 * drift[k - 1] + rng.normal(0, 0.01)
    usual = float(np.median(beats.pre_s[normal]))
    made = _in_rhythm(beats, at, usual * ratio * np.exp(drift))
    return describe(made, index, "ectopy")


def sinus_of(
    beats: Sequence, rng: np.random.Generator, index: int = 0
) -> Examples | None:
    """Return a record's own N beats in an irregular sinus rhythm; None without any.

    The rate swings with the breath, jumps, or single beats come early or late with
    the P wave of all others: early is not always ectopic.
    """
    normal = np.flatnonzero((beats.classes == N) & (beats.pre_s > 0))
    if len(normal) < SINUS:
        return None
    start = int(rng.integers(len(normal) - SINUS + 1))
    at = normal[start : start + SINUS]
    breath = rng.uniform(0.03, 0.16) * np.sin(
        2 * np.pi * np.arange(SINUS) / rng.uniform(3, 9) + rng.uniform(0, 6)
    )
    jumps = np.repeat(rng.normal(0, 0.08, SINUS // 20), 20)
    single = rng.random(SINUS) < rng.choice([0.0, 0.05, 0.2])
    odd = np.where(single, rng.choice([-0.2, -0.12, 0.25, 0.6], SINUS), 0.0)
    ratio = np.exp(breath + jumps + odd + 0.02 * rng.standard_normal(SINUS))
    made = _in_rhythm(beats, at, float(np.median(beats.pre_s[normal])) * ratio)
    return describe(made, index, "sinus")


def _in_rhythm(
    beats: Sequence, at: NDArray[np.int64], intervals: NDArray[np.float64]
) -> Sequence:
    """Return the beats ``at`` one after another, ``intervals`` in s before them."""
    apart = np.maximum(np.rint(intervals * GRID_FS), SHORTEST).astype(np.int64)
    pre_s = apart / GRID_FS
    pre_s[0] = np.nan
    steps = np.cumsum(apart)
    return Sequence(steps, beats.wide[at], pre_s, after(pre_s), beats.classes[at])


def _rhythm(
    beats: Sequence,
    normal: NDArray[np.int64],
    early: NDArray[np.int64],
    wide: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return which beats follow each other, and their pre-RR over the usual one."""
    coupling = beats.pre_s[early] / np.median(beats.pre_s[normal])
    at: list[int] = []
    ratio: list[float] = []
    place = int(rng.integers(len(normal)))

    def add(beat: int, after_ratio: float, jitter: float) -> None:
        at.append(beat)
        ratio.append(after_ratio * (1 + jitter * rng.standard_normal()))

    while len(at) < RHYTHM:
        pattern = rng.choice(PATTERNS, p=PATTERN_SHARES)
        short = float(rng.choice(coupling) * rng.uniform(0.92, 1.05))
        short = min(max(short, 0.45), 0.86)
        alike = early[np.abs(coupling - short) < 0.12]
        pool = alike if len(alike) >= 5 else early
        length = rng.uniform(2, 14)
        pause = rng.uniform(1.0, 1.5) if rng.random() < 0.6 else rng.uniform(1.5, 2.6)
        jitter = float(rng.choice([0.01, 0.02, 0.05]))
        faster = rng.uniform(0.9, 1.1)
        ventricular = rng.choice([0, 0, 0.04]) if len(wide) >= LEAST_V else 0
        end = len(at) + int(rng.integers(30, 120))
        while len(at) < end:
            count = {
                "runs": int(rng.integers(1, 4)),
                "bigeminy": 1,
                "trigeminy": 2,
                "mixed": int(rng.integers(1, 6)),
                "normal": 12,
            }[pattern]
            for k in range(count):
                place = (place + int(rng.integers(1, 4))) % len(normal)
                follows = k == 0 and at and beats.classes[at[-1]] == S
                add(normal[place], pause if follows else 1.0, 0.05 if follows else 0.03)
                if rng.random() < ventricular:
                    add(rng.choice(wide), rng.uniform(0.5, 0.8), 0.0)
                    add(normal[place], rng.uniform(1.1, 1.4), 0.0)
            count = {
                "runs": 1 + int(rng.poisson(length)),
                "bigeminy": 1,
                "trigeminy": 1,
                "mixed": int(rng.integers(1, 4)),
                "normal": int(rng.random() < 0.3),
            }[pattern]
            for k in range(count):
                add(rng.choice(pool), short * (faster if k else 1.0), jitter)
    return np.array(at), np.array(ratio)
