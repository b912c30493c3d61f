"""Rows of rhythm episodes: keep what analysis reports, and find them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Q, QuerySet, Subquery

from devices.models import Record
from inference.ecg.types import Episode as Seen
from inference.models import Episode
from inference.models.reanalysis import shown_line
from patients.models import Patient

# Analysis that goes on confirms within this what a flushed tail showed, or never.
CONFIRM_S = 15


def episodes_between(
    patient: Patient, start: datetime, end: datetime
) -> QuerySet[Episode]:
    """Return the patient's episodes that touch ``[start, end)``, newest first."""
    inside = Q(end_at=None) | Q(end_at__gt=start)
    return shown_episodes().filter(inside, patient=patient, onset_at__lt=end)


def episodes_of(record: Record, *, annotator: str | None = None) -> QuerySet[Episode]:
    """Return the episodes of a record that are shown, in their order.

    With ``annotator`` those which it told.
    """
    standing = shown_episodes(annotator).filter(record=record, onset_sample__gte=0)
    return standing.order_by("onset_sample", "label")


def episodes_touching(
    record: Record, start: int, end: int, *, annotator: str | None = None
) -> QuerySet[Episode]:
    """Return those episodes of a record that touch ``[start, end)``."""
    lasts = Q(end_sample=None) | Q(end_sample__gt=start)
    return episodes_of(record, annotator=annotator).filter(lasts, onset_sample__lt=end)


def shown_episodes(annotator: str | None = None) -> QuerySet[Episode]:
    """Return the episodes that are shown and stand, or those ``annotator`` told."""
    line = shown_line("onset_sample", annotator)
    return Episode.every.filter(line, withdrawn_at=None)


def attribute_episodes(record_id: int) -> None:
    """Give the episodes of a record to the patient it now has."""
    owner = Record.objects.filter(pk=record_id).values("patient")[:1]
    Episode.every.filter(record_id=record_id).update(patient=Subquery(owner))


def pending_episodes(records: Sequence[int]) -> QuerySet[Episode]:
    """Return what is open in these records, or was flushed for a while, in order."""
    pending = Q(end_at=None) | Q(provisional=True)
    found = Episode.objects.filter(pending, record__in=records, withdrawn_at=None)
    return found.order_by("record", "onset_sample", "label")


def known_episodes(
    seen: Mapping[int, Sequence[Seen]],
) -> dict[int, dict[tuple[str, int | None], Episode]]:
    """Return the rows of what was seen in each record, by label and onset.

    Also those that have ended or were withdrawn; of two the newer one.
    """
    found: dict[int, dict[tuple[str, int | None], Episode]] = {pk: {} for pk in seen}
    onsets = {one.onset_sample for own in seen.values() for one in own}
    if not onsets:
        return found
    records = [pk for pk, own in seen.items() if own]
    rows = Episode.objects.filter(record__in=records, onset_sample__in=onsets)
    for row in rows.order_by("pk"):
        found[row.record_id or 0][row.label, row.onset_sample] = row
    return found


def keep_episodes(
    record: Record,
    seen: Iterable[Seen],
    *,
    pending: Sequence[Episode] | None = None,
    known: Mapping[tuple[str, int | None], Episode] | None = None,
    cursor: int,
    annotator: str,
    now: datetime,
) -> list[Episode]:
    """Write what settled analysis up to ``cursor`` reports.

    Of the ``pending`` episodes of the record what was flushed for a while and is not
    confirmed is reopened or dropped. ``known`` are its rows of those that are ``seen``,
    by label and onset; both are read if not given. Returns the rows that changed and
    those that are open.
    """
    if pending is None:
        pending = list(pending_episodes([record.pk]))
    seen = last_word(seen)
    if known is None:
        known = known_episodes({record.pk: seen})[record.pk]
    rows = [
        _write(
            record,
            one,
            row=known.get((one.label, one.onset_sample)),
            annotator=annotator,
            cursor=cursor,
            now=now,
        )
        for one in seen
    ]
    kept = {row.pk: row for row in rows if row is not None}
    for row in pending:
        if row.pk not in kept and _undo_flush(row, record, cursor, now=now):
            kept[row.pk] = row
    return list(kept.values())


def keep_flushed_episodes(
    record: Record, seen: Iterable[Seen], *, annotator: str, now: datetime
) -> list[Episode]:
    """Write what a flushed tail shows, to be confirmed or undone by later samples."""
    final = record.source == Record.Source.FILE
    seen = last_word(seen)
    known = known_episodes({record.pk: seen})[record.pk]
    rows = [
        _write(
            record,
            one,
            row=known.get((one.label, one.onset_sample)),
            annotator=annotator,
            provisional=not final,
            now=now,
        )
        for one in seen
    ]
    return [row for row in rows if row is not None]


def last_word(seen: Iterable[Seen]) -> list[Seen]:
    """Return the last report of each episode."""
    return list({(one.label, one.onset_sample): one for one in seen}.values())


def _write(
    record: Record,
    seen: Seen,
    *,
    row: Episode | None,
    annotator: str,
    cursor: int | None = None,
    provisional: bool = False,
    now: datetime,
) -> Episode | None:
    if row is None:
        if seen.withdrawn:
            return None
        row = Episode(
            record=record,
            patient=record.patient,
            label=seen.label,
            onset_sample=seen.onset_sample,
            onset_at=record.time_of(seen.onset_sample),
        )
    row.annotator = annotator
    if seen.withdrawn:
        row.withdrawn_at = row.withdrawn_at or now
    else:
        row.withdrawn_at = None
        row.peak, row.detail, row.beats = seen.peak, seen.detail[:200], seen.beats
    end = seen.end_sample
    row.end_sample = end
    row.end_at = None if end is None else record.time_of(end)
    row.provisional = provisional
    if cursor is not None:
        row.reported_sample = cursor
    row.save()
    return row


def _undo_flush(row: Episode, record: Record, cursor: int, *, now: datetime) -> bool:
    """Reopen or drop what was flushed and not confirmed; tell if it is of interest."""
    if not row.provisional:
        return row.end_at is None
    if row.reported_sample is not None:
        # It was open when the silence began, and still is.
        row.end_sample = row.end_at = None
        row.provisional = False
        row.save()
        return True
    last = row.end_sample or row.onset_sample or 0
    if cursor <= last + CONFIRM_S * record.fs:
        return False
    withdraw(row, now=now)
    return True


def withdraw(row: Episode, *, now: datetime) -> None:
    """Take back an episode that a later look did not find; its alarms stay."""
    row.withdrawn_at = now
    row.provisional = False
    row.end_sample, row.end_at = row.onset_sample, row.onset_at
    row.save()
