"""Hours and days of a patient in figures, from the stored beats and episodes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from devices.models import Record
from devices.reading import read_time_map
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


def hours_of(
    patient: Patient, *, start_at: datetime, end_at: datetime, now: datetime
) -> list[Hour]:
    """Return every hour of the patient's own clock that touches ``[start, end)``.

    What is finished is kept, so that it is read only once.
    """
    edges = hour_edges(patient.zone, start_at, end_at)
    return _hours(edges, _tallies(patient, edges, now=now))


def span_of(
    patient: Patient, *, start_at: datetime, end_at: datetime, now: datetime
) -> Hour:
    """Return the same hours as one span, such as a day."""
    edges = hour_edges(patient.zone, start_at, end_at)
    [whole] = _hours([edges[0], edges[-1]], total(_tallies(patient, edges, now=now)))
    return whole


def forget_hours(record: Record, *, from_sample: int) -> None:
    """Forget what is kept of the hours that hold ``from_sample`` or come later."""
    since = record.time_of(from_sample) - _FORGET
    HourSummary.objects.filter(record=record, end_at__gt=since).delete()


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
    records = patient.records.filter(
        started_at__lt=edges[-1], last_received_at__gte=edges[0]
    ).order_by("started_at")
    parts = [_of_record(record, edges, now=now) for record in records]
    count = len(edges) - 1
    if not parts:
        return blank(count)
    return np.concatenate(
        [total(np.array([part[k] for part in parts], TALLY)) for k in range(count)]
    )


def _of_record(record: Record, edges: Sequence[datetime], *, now: datetime) -> Tallies:
    state = AnalysisState.objects.filter(record=record).first()
    out = blank(len(edges) - 1)
    if state is None:
        return out
    analysed = max(state.cursor_sample, state.flushed_sample or 0)
    spans = [
        (max(0, low), min(high, analysed)) for low, high in _sample_spans(record, edges)
    ]
    kept = {
        row.start_at: row
        for row in HourSummary.objects.filter(
            record=record, start_at__gte=edges[0], start_at__lt=edges[-1]
        )
    }
    wanted: list[int] = []
    for k, (low, high) in enumerate(spans):
        row = kept.get(edges[k])
        if low >= high:
            continue
        found = None
        if row is not None and row.upto_sample == high and row.end_at == edges[k + 1]:
            found = _unpacked(row.tally)
        if found is None:
            wanted.append(k)
        else:
            out[k] = found[0]
    fresh = []
    for first, last in _rows_of(wanted):
        low, high = spans[first][0], spans[last][1]
        around = _AROUND_S * record.fs
        course = stored_course(record, low - around, high + around)
        at_s = np.array([edge.timestamp() for edge in edges[first : last + 2]])
        out[first : last + 1] = tally(course, at_s)
        for k in range(first, last + 1):
            if _is_finished(record, state, spans[k][1], now=now):
                fresh.append(
                    HourSummary(
                        record=record,
                        start_at=edges[k],
                        end_at=edges[k + 1],
                        upto_sample=spans[k][1],
                        tally=_packed(out[k]),
                    )
                )
    HourSummary.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["record", "start_at"],
        update_fields=["end_at", "upto_sample", "tally"],
    )
    return out


def _sample_spans(
    record: Record, edges: Sequence[datetime]
) -> Iterator[tuple[int, int]]:
    """Return for each hour samples that hold it: clocks are corrected by steps."""
    pieces = read_time_map(record).pieces
    guesses = [
        [
            piece.sample + int((edge - piece.at).total_seconds() * record.fs)
            for piece in pieces
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
