"""From when a packet was complete to its ack, to the page, and to its labels.

Every latency counts from the moment at which the last sample of the packet was
recorded: what a packet waits in a device because the server is slow is in it.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from bench.day import FS
from bench.live.fleet import Fleet
from bench.live.plan import LoadOutcome, ViewerPlan, ViewersOutcome
from inference.models import AnalysisState
from telecardio.demo.latency import percentiles

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# ``xmin`` is the transaction that wrote the row; the server keeps commit times.
LABELS = """
SELECT record.stream, block.samples,
       EXTRACT(EPOCH FROM pg_xact_commit_timestamp(block.xmin))::float8
FROM inference_beatblock block JOIN devices_record record ON record.id = block.record_id
WHERE block.count > 0 AND NOT block.provisional AND block.reanalysis_id IS NULL
"""


class Window:
    """The live devices' packets that were complete within ``[start, end)``."""

    def __init__(
        self, fleet: Fleet, outcome: LoadOutcome, start: float, end: float
    ) -> None:
        self.fleet, self.outcome = fleet, outcome
        self.start, self.end = start, end
        self.packet_s = fleet.templates.packet_s
        self.begins = np.array(outcome.begins[: fleet.live])
        patients = np.array([one.patient for one in fleet.worn[: fleet.live]])
        self._order = np.argsort(patients)
        self._sorted = patients[self._order]

    def due(self, device: Ints, sample: Ints) -> Floats:
        """Return when the packet that holds a device's sample was complete."""
        packet = sample // self.fleet.templates.packet_samples
        due: Floats = self.begins[device] + (packet + 1) * self.packet_s
        return due

    def holds(self, due: Floats) -> NDArray[np.bool_]:
        """Tell which of these times are measured."""
        inside: NDArray[np.bool_] = (due >= self.start) & (due < self.end)
        return inside

    def devices_of(self, patients: Ints) -> Ints:
        """Return the number of each patient's device."""
        found: Ints = self._order[np.searchsorted(self._sorted, patients)]
        return found

    def packets(self, device: int) -> tuple[Floats, Floats]:
        """Return of a device's measured packets when they were due and acked."""
        acked = np.frombuffer(self.outcome.acked[device], float)
        due = self.begins[device] + np.arange(1, len(acked) + 1) * self.packet_s
        inside = self.holds(due)
        return due[inside], acked[inside]


def ack_figures(window: Window) -> dict[str, Any]:
    """Return ``ack_ms`` and counts of the packets; who never got one waited on."""
    pairs = [window.packets(device) for device in range(window.fleet.live)]
    due, acked = (np.concatenate(part) for part in zip(*pairs, strict=True))
    given_up = np.where(np.isnan(acked), window.outcome.ended, acked)
    waited_ms = 1000 * (given_up - due)
    sent = np.frombuffer(window.outcome.sent, float)
    replies = np.frombuffer(window.outcome.reply_ms, float)[window.holds(sent)]
    return {
        "packets": len(due),
        "acked": int((~np.isnan(acked)).sum()),
        "late": int((waited_ms > 1000 * window.packet_s).sum()),
        "packets_per_s": round(len(due) / (window.end - window.start), 1),
        "requests_per_s": round(len(replies) / (window.end - window.start), 1),
        "ack_ms": percentiles(waited_ms),
        "reply_ms": percentiles(replies),
    }


def frame_figures(
    window: Window, viewers: Sequence[ViewerPlan], seen: ViewersOutcome
) -> dict[str, Any]:
    """Return ``frame_ms``, and how many acked packets a page never showed."""
    device = window.devices_of(_ints(seen.frame_patient))
    sample = _ints(seen.frame_sample)
    due = window.due(device, sample)
    inside = window.holds(due)
    rows = np.stack([_ints(seen.frame_viewer), device, sample])[:, inside]
    # The past that fills a page may repeat what came live: the first counts.
    _, first = np.unique(rows, axis=1, return_index=True)
    ms = 1000 * (np.frombuffer(seen.frame_at, float) - due)[inside][first]
    wanted = sum(
        int((~np.isnan(window.packets(int(number))[1])).sum())
        for viewer in viewers
        for number in window.devices_of(np.array(viewer.patients))
    )
    return {
        "frame_ms": percentiles(ms),
        "frames": len(ms),
        "frames_missing": wanted - len(ms),
    }


def label_figures(window: Window, seen: ViewersOutcome) -> dict[str, Any]:
    """Return when beats reached a page, and when those of all devices were stored."""
    device = window.devices_of(_ints(seen.beat_patient))
    due = window.due(device, _ints(seen.beat_sample))
    inside = window.holds(due)
    shown_ms = 1000 * (np.frombuffer(seen.beat_at, float) - due)[inside]
    stored_ms = _stored_label_ms(window)
    return {
        "label_ms": percentiles(shown_ms),
        # Where something comes every few minutes, the whole hides it.
        "label_p99_ms_by_30_s": _by_span(due[inside], shown_ms, window),
        "labels": len(shown_ms),
        "label_stored_ms": percentiles(stored_ms),
        "labels_stored": len(stored_ms),
        "unlabelled_s": _unlabelled_s(window),
    }


def _by_span(due: Floats, ms: Floats, window: Window, *, span_s: int = 30) -> list[int]:
    span = ((due - window.start) // span_s).astype(int)
    last = int((window.end - window.start) // span_s)
    return [
        round(float(np.percentile(ms[span == at], 99))) if (span == at).any() else 0
        for at in range(last)
    ]


def _stored_label_ms(window: Window) -> Floats:
    numbers = {
        plan.stream: number
        for number, plan in enumerate(window.fleet.devices[: window.fleet.live])
    }
    to_monotonic = time.monotonic() - time.time()
    found: list[Floats] = []
    with connection.cursor() as cursor:
        cursor.execute(LABELS)
        for stream, samples, committed_s in cursor:
            if stream in numbers:
                device = np.array(numbers[stream])
                due = window.due(device, np.frombuffer(samples, "<i8"))
                late_s = committed_s + to_monotonic - due
                found.append(1000 * late_s[window.holds(due)])
    return np.concatenate(found) if found else np.empty(0)


def _unlabelled_s(window: Window) -> float:
    """Return how many measured seconds of signal no analysis has reached."""
    numbers = {
        plan.stream: number
        for number, plan in enumerate(window.fleet.devices[: window.fleet.live])
    }
    cursors = AnalysisState.objects.filter(record__stream__in=numbers)
    reached = dict.fromkeys(numbers.values(), 0)
    for stream, cursor in cursors.values_list("record__stream", "cursor_sample"):
        reached[numbers[stream]] = cursor
    # Whole packets before the end of the measured time.
    ends = (window.end - window.begins) // window.packet_s * window.packet_s
    starts = np.maximum(window.start - window.begins, 0)
    at = np.array([reached[number] for number in range(len(ends))]) / FS
    missing = np.clip(ends - np.maximum(at, starts), 0, None)
    return round(float(missing.sum()), 1)


def _ints(values: array[int]) -> Ints:
    return np.frombuffer(values, np.int64)
