"""The limits of one patient as compiled code takes them."""

from __future__ import annotations

from typing import NamedTuple

from inference.ecg.types import Limits

MOST_VT_BEATS = 32  # so many V beats of a run are remembered


class Bounds(NamedTuple):
    """The limits of one patient, each number of one type: so code is compiled once.

    Rates per minute, times in s.
    """

    hr_low_bpm: float
    hr_high_bpm: float
    pause_s: float
    asystole_s: float
    vt_beats: int
    vt_bpm: float
    hr_persist_s: float


def bounds_of(limits: Limits) -> Bounds:
    """Return the limits as numbers of one type; a VT needs at most 32 beats."""
    return Bounds(
        hr_low_bpm=float(limits.hr_low_bpm),
        hr_high_bpm=float(limits.hr_high_bpm),
        pause_s=float(limits.pause_s),
        asystole_s=float(limits.asystole_s),
        vt_beats=min(int(limits.vt_beats), MOST_VT_BEATS),
        vt_bpm=float(limits.vt_bpm),
        hr_persist_s=float(limits.hr_persist_s),
    )
