"""Hours and days of a patient in figures, from the stored beats and episodes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from devices.models import Record
from devices.reading import time_pieces
from devices.time_map import Piece, TimeMap
from inference.models import AnalysisState, HourSummary
from inference.services.stored_course import stored_course
from inference.span_summary import SpanSummary, span_summary
from inference.tallies import TALLY, Tallies, blank, tally, total
from patients.models import Patient

HOUR = timedelta(hours=1)
# What lies around an hour and reaches into it: a run, an interval, twelve of them.
_AROUND_S = 60
# Behind the end of an hour until nothing in it can change: AF is told in hindsight.
_SETTLED_S = 300
# A revised episode may have begun so long before the samples that came late.
_FORGET = timedelta(hours=2)


@dataclass(frozen=True)
class Hour:
    """The figures of ``[start_at, end_at)``; None where nothing was analysed."""

    start_at: datetime
    end_at: datetime
    figures: SpanSummary | None


@dataclass(frozen=True)
class Hours:
    """Hours that follow each other, and all of them as one span, such as a day."""

    each: tuple[Hour, ...]
    whole: Hour


def hours_of(
    patient: Patient, *, start_at: datetime, end_at: datetime, now: datetime
) -> Hours:
    """Return every hour of the patient's own clock that touches ``[start, end)``.

    What is finished is kept, so that it is read only once.
    """
    edges = hour_edges(patient.zone, start_at, end_at)
    tallies = _tallies(patient, edges, now=now)
    [whole] = _hours([edges[0], edges[-1]], total(tallies))
    return Hours(tuple(_hours(edges, tallies)), whole)


def forget_hours(record: Record, *, from_sample: int, floor: int = 0) -> None:
    """Forget what is kept of the hours that hold ``from_sample`` or come later.

    Not of those that hold signal from before ``floor``: that is gone, and they cannot
    be counted again.
    """
    since = record.time_of(from_sample) - _FORGET
    hours = HourSummary.objects.filter(record=record, end_at__gt=since)
    if floor:
        hours = hours.filter(start_at__gte=record.time_of(floor))
    hours.delete()


def forget_redated_hours(record: Record, *, from_sample: int, floor: int = 0) -> None:
    """Forget what is kept of hours with samples behind one that got other times.

    They stand at the times of before, so samples tell which. What holds signal from
    before ``floor`` stays as it is in ``forget_hours``.
    """
    hours = HourSummary.objects.filter(record=record, upto_sample__gt=from_sample)
    if floor:
        hour = int(HOUR.total_seconds()) * record.fs
        hours = hours.filter(upto_sample__gte=floor + hour)
    hours.delete()


def hour_edges(zone: ZoneInfo, start_at: datetime, end_at: datetime) -> list[datetime]:
    """Return the full hours of a clock around ``[start, end)``, in UTC.

    They are an hour apart also where the clock is changed.
    """
    local = start_at.astimezone(zone)
    past = timedelta(minutes=local.minute, seconds=local.second)
    edge = (start_at - past - timedelta(microseconds=local.microsecond)).astimezone(UTC)
    edges = [edge]
    while edge < end_at:
        edge += HOUR
        edges.append(edge)
    return edges


def _hours(edges: Sequence[datetime], tallies: Tallies) -> list[Hour]:
    return [
        Hour(
            start_at,
            stop_at,
            span_summary(row, onset_s=start_at.timestamp(), end_s=stop_at.timestamp())
            if row["seconds"]
            else None,
        )
        for start_at, stop_at, row in zip(edges[:-1], edges[1:], tallies, strict=True)
    ]


def _tallies(patient: Patient, edges: Sequence[datetime], *, now: datetime) -> Tallies:
    """Return TALLY of each hour over all records of the patient."""
    records = (
        patient.records.filter(
            started_at__lt=edges[-1],
            last_received_at__gte=edges[0],
            analysis__isnull=False,
        )
        .select_related("analysis")
        .prefetch_related("anchors")
        .order_by("started_at")
    )
    kept = HourSummary.objects.filter(
        record__in=records, start_at__gte=edges[0], start_at__lt=edges[-1]
    )
    known = {(row.record_id, row.start_at): row for row in kept}
    parts = []
    fresh: list[HourSummary] = []
    for record in records:
        counted = _Counted(record, edges, known, now=now)
        parts.append(counted.tallies)
        fresh += counted.fresh
    if fresh:
        HourSummary.objects.bulk_create(
            fresh,
            update_conflicts=True,
            unique_fields=["record", "start_at"],
            update_fields=["end_at", "upto_sample", "tally"],
        )
    count = len(edges) - 1
    if not parts:
        return blank(count)
    return np.concatenate(
        [total(np.array([part[k] for part in parts], TALLY)) for k in range(count)]
    )


class _Counted:
    """The hours of one record: what is kept of them, and what is counted anew."""

    def __init__(
        self,
        record: Record,
        edges: Sequence[datetime],
        known: Mapping[tuple[int, datetime], HourSummary],
        *,
        now: datetime,
    ) -> None:
        self.record, self.edges = record, edges
        self.state: AnalysisState = record.analysis
        self.tallies = blank(len(edges) - 1)
        self.fresh: list[HourSummary] = []
        pieces = time_pieces(record.anchors.all()) or [Piece(0, record.started_at)]
        self.time_map = TimeMap(record.fs, pieces)
        analysed = max(self.state.cursor_sample, self.state.flushed_sample or 0)
        self.spans = [
            (max(0, low), min(high, analysed))
            for low, high in _sample_spans(self.time_map, edges)
        ]
        wanted = [
            k
            for k, (low, high) in enumerate(self.spans)
            if low < high and not self._take(k, known.get((record.pk, edges[k])))
        ]
        for first, last in _rows_of(wanted):
            self._count(first, last, now=now)

    def _take(self, k: int, row: HourSummary | None) -> bool:
        """Take over what is kept of an hour, if it still holds."""
        same = row is not None and (
            row.upto_sample == self.spans[k][1] and row.end_at == self.edges[k + 1]
        )
        found = _unpacked(row.tally) if row is not None and same else None
        if found is None:
            return False
        self.tallies[k] = found[0]
        return True

    def _count(self, first: int, last: int, *, now: datetime) -> None:
        """Count the hours from ``first`` to ``last``; note those that may be kept."""
        record = self.record
        around = _AROUND_S * record.fs
        low, high = self.spans[first][0] - around, self.spans[last][1] + around
        course = stored_course(record, low, high, time_map=self.time_map)
        at_s = np.array([edge.timestamp() for edge in self.edges[first : last + 2]])
        self.tallies[first : last + 1] = tally(course, at_s)
        self.fresh += [
            HourSummary(
                record=record,
                start_at=self.edges[k],
                end_at=self.edges[k + 1],
                upto_sample=self.spans[k][1],
                tally=_packed(self.tallies[k]),
            )
            for k in range(first, last + 1)
            if _is_finished(record, self.state, self.spans[k][1], now=now)
        ]


def _sample_spans(
    time_map: TimeMap, edges: Sequence[datetime]
) -> Iterator[tuple[int, int]]:
    """Return for each hour samples that hold it: clocks are corrected by steps."""
    guesses = [
        [
            piece.sample + int((edge - piece.at).total_seconds() * time_map.fs)
            for piece in time_map.pieces
        ]
        for edge in edges
    ]
    for low, high in zip(guesses[:-1], guesses[1:], strict=True):
        yield min(low), max(high)


def _is_finished(
    record: Record, state: AnalysisState, high: int, *, now: datetime
) -> bool:
    """Tell whether nothing that is still to come can change the hour up to there."""
    if state.is_provisional or record.late_from_sample is not None:
        return False
    if state.cursor_sample >= high + _SETTLED_S * record.fs:
        return True
    rests = record.last_received_at is not None and now - record.last_received_at > HOUR
    return rests and state.flushed_sample == record.end_sample


def _rows_of(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Return the first and last of each row of numbers that follow each other."""
    first = last = None
    for number in numbers:
        if first is not None and last is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last


def _packed(row: np.void) -> dict[str, Any]:
    return {
        name: row[name].tolist() if np.isfinite(row[name]).all() else None
        for name in TALLY.names or ()
    }


def _unpacked(kept: dict[str, Any]) -> Tallies | None:
    """Return TALLY[1]; None for a row that another version kept."""
    out = np.zeros(1, dtype=TALLY)
    if kept.keys() != set(TALLY.names or ()):
        return None
    for name, value in kept.items():
        out[name] = np.nan if value is None else value
    return out
