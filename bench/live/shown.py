"""What the pages were to show, when they did, and what they never did.

Wanted is what the server has: acked packets, and final beats in the database, once for
each page that watches. What a page never showed counts in the percentiles with the time
until the pages were closed, and is missing unless the server got it just before.
Nothing is forgiven: what became too old to be live while it waited, and what late
packets made of a span that was shown already, is missing, too.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.day import FS
from bench.live.latency import Floats, Ints, Window
from bench.live.plan import ViewerPlan, ViewersOutcome
from bench.live.stored_labels import StoredLabels
from telecardio.demo.latency import percentiles

# What the server got so shortly before the pages were closed was still under way.
UNDER_WAY_S = 2.0
# A beat that was told provisionally may have moved by so much when it was settled; the
# distance at which ANSI/AAMI EC57 takes two annotations for one beat.
NEAR_SAMPLES = int(0.15 * FS)
SPAN_S = 30
# More samples than a record has: what lies between two pairs is never near.
_PLACES = 1 << 40


@dataclass(frozen=True)
class _Shown:
    """Each thing that each page showed, once and first, in the order of the keys."""

    key: Ints
    due: Floats
    at: Floats


def frame_figures(
    window: Window, viewers: Sequence[ViewerPlan], seen: ViewersOutcome
) -> dict[str, Any]:
    """Return ``frame_ms``, and how many acked packets a page never showed."""
    closed = _closed(window, seen)
    n = window.fleet.templates.packet_samples
    shown = _shown(
        window,
        _ints(seen.frame_viewer),
        _ints(seen.frame_patient),
        _ints(seen.frame_sample),
        seen.frame_at,
        unit=n,
    )
    device, seq, due, acked = _acked(window)
    viewer, item = _watched(window, viewers, device)
    never = ~np.isin(_keys(window, viewer, device[item], seq[item]), shown.key)
    inside = window.holds(shown.due)
    ms = 1000 * np.concatenate([shown.at - shown.due, closed - due[item]])
    counted = np.concatenate([inside, never])
    return {
        "frame_ms": percentiles(ms[counted]),
        "frames": int(inside.sum()),
        "frames_missing": int((never & (acked[item] <= closed - UNDER_WAY_S)).sum()),
    }


def label_figures(
    window: Window,
    viewers: Sequence[ViewerPlan],
    seen: ViewersOutcome,
    stored: StoredLabels,
) -> dict[str, Any]:
    """Return when final beats reached a page and the database, and which never did.

    Signal that no analysis has reached has no beats to count, so each second of it
    waits as one label would. ``label_stored_ms`` is of the share whose commit is known.
    """
    closed = _closed(window, seen)
    shown = _shown(
        window,
        _ints(seen.beat_viewer),
        _ints(seen.beat_patient),
        _ints(seen.beat_sample),
        seen.beat_at,
    )
    stored_due = window.due(stored.device, stored.sample)
    viewer, item = _watched(window, viewers, stored.device)
    keys = _keys(window, viewer, stored.device[item], stored.sample[item])
    keys, first = np.unique(keys, return_index=True)
    item = item[first]
    shown_at = _first_near(keys, shown)
    never = np.isnan(shown_at)
    # Not so for an unknown commit, which is long ago.
    under_way = stored.committed[item] > closed - UNDER_WAY_S
    unreached, unlabelled_s = _unreached(window, stored.reached)
    unreached_due = window.due(*unreached)
    _, waiting = _watched(window, viewers, unreached[0])
    due = np.concatenate([stored_due[item], unreached_due[waiting]])
    given_up = np.where(never, closed, shown_at) - stored_due[item]
    ms = 1000 * np.concatenate([given_up, closed - unreached_due[waiting]])
    known = ~np.isnan(stored.committed)
    stored_s = (stored.committed - stored_due)[known]
    return {
        "label_ms": percentiles(ms),
        # Where something comes every few minutes, the whole hides it.
        "label_p99_ms_by_30_s": _by_span(due, ms, window),
        "labels": int(window.holds(shown.due).sum()),
        "labels_missing": int((never & ~under_way).sum()),
        "label_stored_ms": percentiles(
            1000 * np.concatenate([stored_s, closed - unreached_due])
        ),
        "label_stored_share": round(float(known.mean()), 3) if len(known) else None,
        "labels_stored": len(known),
        "unlabelled_s": unlabelled_s,
    }


def _closed(window: Window, seen: ViewersOutcome) -> float:
    return max(window.outcome.ended, seen.ended)


def _acked(window: Window) -> tuple[Ints, Ints, Floats, Floats]:
    """Return of all acked packets the device, ``seq``, when due and when acked."""
    packets = [window.packets(device) for device in range(window.fleet.live)]
    device = np.repeat(np.arange(len(packets)), [len(seq) for seq, *_ in packets])
    seq, due, acked = (np.concatenate(part) for part in zip(*packets, strict=True))
    had = ~np.isnan(acked)
    return device[had], seq[had], due[had], acked[had]


def _watched(
    window: Window, viewers: Sequence[ViewerPlan], device: Ints
) -> tuple[Ints, Ints]:
    """Pair every viewer with each item, of these devices, that is on their page."""
    pairs = [(np.empty(0, int), np.empty(0, int))]
    for number, viewer in enumerate(viewers):
        watches = np.zeros(window.fleet.live, bool)
        watches[window.devices_of(np.array(viewer.patients))] = True
        items = np.flatnonzero(watches[device])
        pairs.append((np.full(len(items), number), items))
    viewer_of, item = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return viewer_of, item


def _keys(window: Window, viewer: Ints, device: Ints, place: Ints) -> Ints:
    return (viewer * window.fleet.live + device) * _PLACES + place


def _shown(
    window: Window,
    viewer: Ints,
    patient: Ints,
    sample: Ints,
    at: array[float],
    *,
    unit: int = 1,
) -> _Shown:
    device = window.devices_of(patient)
    # The past that fills a page may repeat what came live: the first counts.
    keys = _keys(window, viewer, device, sample // unit)
    key, first = np.unique(keys, return_index=True)
    due = window.due(device, sample)
    return _Shown(key, due[first], np.frombuffer(at, float)[first])


def _first_near(keys: Ints, shown: _Shown) -> Floats:
    """Return when each of these, in order, was shown, there or near; NaN: never.

    What was shown stands for one beat at most.
    """
    found = np.full(len(keys), np.nan)
    _, here, there = np.intersect1d(
        keys, shown.key, assume_unique=True, return_indices=True
    )
    found[here] = shown.at[there]
    left = np.flatnonzero(np.isnan(found))
    free = np.delete(np.arange(len(shown.key)), there)
    offered = shown.key[free].tolist()
    place = 0
    for number, key in zip(left.tolist(), keys[left].tolist(), strict=True):
        while place < len(offered) and offered[place] < key - NEAR_SAMPLES:
            place += 1
        if place < len(offered) and offered[place] <= key + NEAR_SAMPLES:
            found[number] = shown.at[free[place]]
            place += 1
    return found


def _unreached(window: Window, reached: Ints) -> tuple[tuple[Ints, Ints], float]:
    """Return device and sample of each measured second that no analysis has reached.

    With how many seconds they are, to the last whole packet in the measured time.
    """
    last = (window.end - window.begins) // window.packet_s * window.packet_s
    first = np.maximum(reached / FS, np.maximum(window.start - window.begins, 0))
    missing_s = np.clip(last - first, 0, None)
    counts = np.ceil(missing_s).astype(int)
    device = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(len(device)) - np.repeat(np.cumsum(counts) - counts, counts)
    sample = ((first[device] + number) * FS).astype(int)
    return (device, sample), round(float(missing_s.sum()), 1)


def _by_span(due: Floats, ms: Floats, window: Window) -> list[int | None]:
    span = ((due - window.start) // SPAN_S).astype(int)
    last = int((window.end - window.start) // SPAN_S)
    return [
        round(float(np.percentile(ms[span == at], 99))) if (span == at).any() else None
        for at in range(last)
    ]


def _ints(values: array[int]) -> NDArray[np.int64]:
    return np.frombuffer(values, np.int64)
