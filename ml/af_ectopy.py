"""What is irregular and no fibrillation, put into intervals of sinus rhythm."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.ecg.compiled import compiled

Real = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rng = np.random.Generator

ECTOPIC = ("rare", "frequent", "atrial", "bigeminy", "trigeminy", "mixed", "runs")
PATTERNS = (
    *ECTOPIC,
    *("breath", "svt", "sick", "wenckebach", "blocked", "missed", "false"),
)
RATES = {"rare": (0.02, 0.1), "frequent": (0.1, 0.45), "runs": (0.02, 0.15)}
PERIODS = {"bigeminy": 2, "trigeminy": 3, "mixed": 0}
SEEN = 0.7  # share of ventricular foci that a beat classifier knows


class Intervals(NamedTuple):
    """Intervals in s, and whether the beat that ends each is called ventricular."""

    s: Real
    ventricular: Flags


def with_pattern(intervals: Intervals, pattern: str, rng: Rng) -> Intervals:
    """Return intervals with one of PATTERNS in them; missed beats make them fewer."""
    s, ventricular = intervals.s.copy(), intervals.ventricular.copy()
    if pattern in ECTOPIC:
        _put_ectopic(s, ventricular, pattern, rng)
    elif pattern == "missed":
        return _miss(s, rng)
    elif pattern == "false":
        return _split(s, rng)
    else:
        {
            "breath": _breathe,
            "svt": _run_away,
            "sick": _pause,
            "wenckebach": _group,
            "blocked": _block,
        }[pattern](s, rng)
    return Intervals(np.clip(s, 0.2, 4.0), ventricular)


def with_wide_beats(intervals: Intervals, rng: Rng) -> Intervals:
    """Return intervals of fibrillation with beats in them that are called V."""
    s, ventricular = intervals.s.copy(), intervals.ventricular.copy()
    wide = rng.random(len(s)) < rng.uniform(0.02, 0.3)
    early = wide & (rng.random(len(s)) < 0.5)
    coupling = rng.uniform(0.5, 0.85) * s.mean()
    s[early] = coupling * (1 + 0.03 * rng.standard_normal(early.sum()))
    return Intervals(s, ventricular | (wide & (rng.random(len(s)) < SEEN)))


def _put_ectopic(s: Real, ventricular: Flags, pattern: str, rng: Rng) -> None:
    """Put early beats of one or two foci in; habits change with each spell.

    An early beat comes after 0.45 to 0.85 of the interval; then the pause makes up
    for it wholly (ventricular), or not (atrial).
    """
    start = 0
    while start < len(s) - 12:
        end = min(start + int(rng.integers(24, 130)), len(s) - 8)
        foci = rng.uniform(0.45, 0.85, 2)
        jitter = float(rng.choice([0.01, 0.03, 0.06, 0.1, 0.15]))
        pause = 1.0 if rng.random() < 2 / 3 else rng.uniform(0.1, 0.9)
        rate = rng.uniform(*RATES.get(pattern, (0.1, 0.5)))
        period, slip = PERIODS.get(pattern, -1), 0.05
        if period == 0:
            period, slip = int(rng.integers(2, 5)), 0.25
        if pattern == "atrial":
            pause = rng.uniform(0.0, 0.5)
        wide = pattern != "atrial" and rng.random() < 0.7
        seen = 0.95 if wide and rng.random() < SEEN else 0.0
        second = 0.5 if rng.random() < 0.25 else 0.0
        longest = 5 if pattern == "runs" else 1
        _ectopic_spell(
            s,
            ventricular,
            start,
            end,
            (foci[0], foci[1], second, jitter, pause),
            (1 - slip if period > 0 else rate, max(period - 2, 0), longest, seen),
            rng,
        )
        start = end


@compiled
def _ectopic_spell(
    s: Real,
    ventricular: Flags,
    start: int,
    end: int,
    focus: tuple[float, float, float, float, float],
    habit: tuple[float, int, int, float],
    rng: Rng,
) -> None:
    first, other, second, jitter, pause = focus
    share, gap, longest, seen = habit
    at = start
    while at < end:
        if rng.random() >= share:
            at += 1
            continue
        length = 1 if longest == 1 else rng.integers(2, longest + 1)
        coupling = other if rng.random() < second else first
        lost = 0.0
        for k in range(at, at + length):
            early = coupling * (1 + jitter * rng.standard_normal())
            early = max(min(early, 0.97), 0.3)
            lost = s[k] * (1 - early)
            s[k] *= early
            if rng.random() < seen:
                ventricular[k] = True
        s[at + length] += pause * lost
        at += length + 1 + gap


def _breathe(s: Real, rng: Rng) -> None:
    """Let the rate follow the breath, as in the young and in sleep."""
    period = rng.uniform(2.5, 8.0) * (1 + 0.1 * rng.standard_normal(len(s)))
    phase = np.cumsum(2 * np.pi / np.maximum(period, 2.0)) + rng.uniform(0, 6.3)
    s *= 1 + rng.uniform(0.05, 0.25) * np.sin(phase)


def _run_away(s: Real, rng: Rng) -> None:
    """Put runs of a supraventricular tachycardia in."""
    at = int(rng.integers(0, 20))
    while at < len(s) - 4:
        length = int(rng.integers(4, 60))
        part = s[at : at + length]
        jitter = rng.uniform(0.002, 0.02) * rng.standard_normal(len(part))
        part[:] = rng.uniform(0.3, 0.48) * (1 + jitter)
        at += length
        if at < len(s):
            s[at] *= rng.uniform(0.9, 1.6)
        at += int(rng.integers(4, 60))


def _pause(s: Real, rng: Rng) -> None:
    """Let the rate wander and pause, as a sick sinus node does."""
    pauses = rng.random(len(s)) < rng.uniform(0.02, 0.2)
    double, loose = rng.random() < 0.5, rng.uniform(0.0, 0.04)
    drift = 0.0
    for k in range(len(s)):
        drift = 0.95 * drift + loose * rng.standard_normal()
        s[k] *= np.exp(drift)
        if pauses[k]:
            exact = 2.0 * (1 + 0.02 * rng.standard_normal())
            s[k] *= exact if double else rng.uniform(1.3, 2.6)


def _group(s: Real, rng: Rng) -> None:
    """Drop every third to seventh beat as Wenckebach periods do."""
    usual, changes = int(rng.integers(2, 7)), rng.random() < 0.5
    at = 0
    while at < len(s):
        size = max(usual + (int(rng.integers(-1, 2)) if changes else 0), 2)
        longer = rng.uniform(0.05, 0.25)
        for k in range(min(size, len(s) - at)):
            last = k == size - 1
            s[at + k] *= 2 - 1.5 * longer if last else 1 + longer * 0.6**k
        at += size


def _block(s: Real, rng: Rng) -> None:
    """Put pauses after atrial beats that were not conducted in."""
    here = rng.random(len(s)) < rng.uniform(0.03, 0.3)
    jitter = rng.uniform(0.01, 0.05) * rng.standard_normal(len(s))
    s[here] *= rng.uniform(1.3, 1.95) * (1 + jitter[here])


def _miss(s: Real, rng: Rng) -> Intervals:
    """Leave beats out, as a detector does."""
    beats = np.concatenate(([0.0], np.cumsum(s)))
    kept = rng.random(len(beats)) >= rng.uniform(0.01, 0.2)
    left = np.diff(beats[kept])
    left = left[left < 4.0]
    return Intervals(left, np.zeros(len(left), bool))


def _split(s: Real, rng: Rng) -> Intervals:
    """Put beats in that are none: T waves, or noise anywhere."""
    extra = rng.random(len(s)) < rng.uniform(0.01, 0.25)
    place = rng.uniform(0.25, 0.75, len(s))
    if rng.random() < 0.5:
        place = rng.uniform(0.25, 0.6) * (1 + 0.03 * rng.standard_normal(len(s)))
    ends = np.cumsum(s)
    beats = np.sort(np.concatenate(([0.0], ends, (ends - s + place * s)[extra])))
    left = np.diff(beats)[-len(s) :]
    return Intervals(np.clip(left, 0.1, 4.0), np.zeros(len(left), bool))
