"""The episodes that one call opened, changed or closed.

Compiled code writes them as rows of numbers; their words are made from the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from inference.ecg.compiled import compiled
from inference.ecg.types import Episode, Samples

LABELS = (
    "",
    "VRUN",
    "VT",
    "PAUSE",
    "ASYSTOLE",
    "EXTREME_TACHY",
    "TACHY",
    "EXTREME_BRADY",
    "BRADY",
    "AF",
    "SVT",
    "COUPLET",
    "BIGEMINY",
    "TRIGEMINY",
    "VF",
    "PACED",
    "NOISE",
)
(
    NONE,
    VRUN,
    VT,
    PAUSE,
    ASYSTOLE,
    EXTREME_TACHY,
    TACHY,
    EXTREME_BRADY,
    BRADY,
    AF,
    SVT,
    COUPLET,
    BIGEMINY,
    TRIGEMINY,
    VF,
    PACED,
    NOISE,
) = range(len(LABELS))
OPENED, CHANGED, WITHDRAWN = range(3)
STILL_OPEN = -1  # an end that is not known yet

# ``rate`` is per minute; ``more`` is the limit that was broken, whether a run began
# with a fusion beat, or the label that took this one's place.
EVENT = np.dtype(
    [
        ("kind", "i8"),
        ("label", "i8"),
        ("onset", "i8"),
        ("end", "i8"),
        ("beats", "i8"),
        ("peak", "f8"),
        ("rate", "f8"),
        ("more", "f8"),
    ],
    align=True,
)


class EpisodeLog(NamedTuple):
    """Rows of EVENT [room], and how many of them are used, as an array [1]."""

    rows: Any
    used: Samples


@compiled
def write(
    log: EpisodeLog,
    kind: int,
    label: int,
    onset: int,
    end: int,
    beats: int,
    peak: float,
    rate: float,
    more: float,
) -> None:
    """Add a row; a full log stays as it is.

    ``onset`` and ``end`` are record samples, ``peak``, ``rate`` and ``more`` as in
    EVENT. ``follow_episodes`` makes room for all that a call can write.
    """
    used = log.used[0]
    if used == len(log.rows):
        return
    row = log.rows[used]
    row.kind, row.label, row.onset, row.end = kind, label, onset, end
    row.beats, row.peak, row.rate, row.more = beats, peak, rate, more
    log.used[0] = used + 1


@compiled
def withdraw(log: EpisodeLog, label: int, onset: int, became: int) -> None:
    """Take the episode from sample ``onset`` back: ``became`` took its place."""
    write(log, WITHDRAWN, label, onset, onset, 0, 0.0, 0.0, float(became))


@compiled
def new_log(room: int) -> EpisodeLog:
    """Return an empty log with room for so many rows, [room]."""
    return EpisodeLog(np.empty(room, EVENT), np.zeros(1, np.int64))


def episodes_from(events: Iterable[Any], fs: int) -> tuple[Episode, ...]:
    """Return the last word on each episode, in order of onset.

    ``events`` are arrays [n] of EVENT, the earliest first, in samples at ``fs`` Hz. An
    episode opened and withdrawn in them is none.
    """
    latest: dict[tuple[str, int], Episode] = {}
    opened: set[tuple[str, int]] = set()
    for rows in events:
        for kind, label, onset, end, beats, peak, rate, more in rows.tolist():
            name = LABELS[label]
            key = (name, onset)
            if kind == WITHDRAWN and key in opened:
                opened.remove(key)
                del latest[key]
                continue
            if kind == OPENED:
                opened.add(key)
            if kind == WITHDRAWN:
                detail = f"became {_plain(LABELS[int(more)])}"
            else:
                detail = _detail(name, peak, rate, more, beats)
            latest[key] = Episode(
                label=name,
                onset_sample=onset,
                end_sample=None if end == STILL_OPEN else end,
                peak=_rounded(name, peak),
                detail=detail,
                beats=beats,
            )
    return tuple(sorted(latest.values(), key=lambda e: (e.onset_sample, e.label)))


def _plain(label: str) -> str:
    return label if label == "VT" else label.replace("_", " ").lower()


def _rounded(label: str, peak: float) -> float:
    return round(peak, 3 if label in ("PAUSE", "ASYSTOLE") else 1)


def _detail(label: str, peak: float, rate: float, more: float, beats: int) -> str:
    """Say an episode in words."""
    if label in ("VRUN", "VT", "COUPLET"):
        first = ", the first a fusion beat," if more else ""
        return f"{beats} ventricular beats{first} at {rate:.0f}/min"
    if label in ("PAUSE", "ASYSTOLE"):
        return f"no beat for {peak:.1f} s"
    if label.endswith(("TACHY", "BRADY")):
        sign = ">" if label.endswith("TACHY") else "<"
        return f"HR {peak:.0f} {sign} {more:.0f}"
    if label in OTHERS:
        return OTHERS[label].format(rate=rate, beats=beats, peak=peak)
    return ""


OTHERS = {
    "AF": "irregular without a pattern at {rate:.0f}/min",
    "SVT": "{beats} supraventricular beats at {rate:.0f}/min",
    "BIGEMINY": "every second beat ventricular: {beats}",
    "TRIGEMINY": "every third beat ventricular: {beats}",
    "VF": "fibrillation or flutter waves at {rate:.0f}/min",
    "PACED": "{beats} paced beats at {rate:.0f}/min",
    "NOISE": "{peak:.0f} s unreadable",
}
