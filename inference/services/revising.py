"""After late samples: what the machine said of a span is replaced, people's acts stay.

An episode that comes out otherwise is marked revised, one that is no longer found
is withdrawn; both rows stay, and so do acknowledgements and sent mails.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db.models import Q

from devices.models import Record
from inference.ecg.state import RecordState
from inference.ecg.types import Analysis
from inference.ecg.types import Episode as Seen
from inference.models import Alarm, AlarmChange, Episode
from inference.services.alarms import clear_alarm, record_change
from inference.services.conditions import alarm_episodes
from inference.services.episodes import last_word, withdraw
from inference.services.heirs import heirs_of


def revise_episodes(
    record: Record,
    pieces: Sequence[Analysis],
    carried: RecordState,
    *,
    start: int,
    stop: int,
    cursor: int,
    floor: int = 0,
    goes_on: bool = True,
    annotator: str,
    now: datetime,
) -> None:
    """Bring the rows that analysis of ``[start, stop)`` reported up to its ``pieces``.

    ``carried`` is the state at ``stop``; where it equals the old one, what was
    reported after ``stop`` holds, as does what began before ``floor``, of which the
    signal is gone. New episodes raise alarms, marked late.

    Unless the analysis ``goes_on`` from that state nobody will tell how what is open at
    ``stop`` ends: what was reported of it later stands, and else it ends there.
    """
    reported = Q(reported_sample__gt=start, reported_sample__lte=stop)
    if stop == cursor:
        reported = Q(reported_sample__gt=start) | Q(reported_sample=None)
    rows = Episode.objects.filter(reported, record=record, withdrawn_at=None)
    rows = rows.exclude(end_sample__lte=floor)
    old = {(row.label, row.onset_sample): row for row in rows}
    still = carried.open_episodes()
    seen = [one for piece in pieces for one in piece.episodes]
    found = [one for one in last_word(seen) if not one.withdrawn]
    # Who recomputes from a checkpoint asks which rows were reported behind it.
    reported_at = {
        (one.label, one.onset_sample): piece.end_sample
        for piece in pieces
        for one in piece.episodes
    }
    later = Episode.objects.filter(record=record, reported_sample__gt=stop)
    kept = set(later.values_list("label", "onset_sample"))
    if not goes_on:
        found = _closed(found, list(later), stop)
    changed = []
    for one in found:
        key = (one.label, one.onset_sample)
        if key in kept or (one.end_sample is not None and one.end_sample <= floor):
            continue
        # A withdrawn row keeps its onset, which no other may get.
        row = (
            old.pop(key, None)
            or _known(record, one)
            or _moved(old, found, one)
            or Episode(record=record, patient=record.patient, label=one.label)
        )
        row.reported_sample = reported_at[key]
        if row.onset_sample is not None and row.onset_sample < floor:
            one = replace(one, onset_sample=row.onset_sample)
        if _apply(row, one, record, annotator=annotator, now=now):
            changed.append(row)
    for place, row in old.items():
        began_before = (row.onset_sample or 0) < floor and row.end_sample is not None
        if place not in still and not began_before:
            row.revised_at = now
            withdraw(row, now=now)
            changed.append(row)
    # First: an alarm that is inherited is not one that is no longer found.
    changed += heirs_of(changed, record, cursor=cursor)
    for row in changed:
        _mark_alarms(row, now=now)
    alarm_episodes(record, changed, cursor=cursor, now=now)


def _closed(found: list[Seen], later: Sequence[Episode], stop: int) -> list[Seen]:
    """Return what was found with an end; without what other rows tell from then on."""
    closed = []
    for one in found:
        if one.end_sample is not None:
            closed.append(one)
        elif not any(_holds(row, one, stop) for row in later):
            closed.append(replace(one, end_sample=stop))
    return closed


def _holds(row: Episode, one: Seen, stop: int) -> bool:
    begins = row.onset_sample is not None and row.onset_sample <= stop
    ends = row.end_sample is None or row.end_sample >= one.onset_sample
    return row.label == one.label and begins and ends


def _moved(
    old: dict[tuple[str, int | None], Episode], found: list[Seen], one: Seen
) -> Episode | None:
    """Return the old row that ``one`` is with another onset: they overlap."""
    taken = {(other.label, other.onset_sample) for other in found}
    for key, row in old.items():
        if key in taken or row.label != one.label or row.onset_sample is None:
            continue
        begins = one.end_sample is None or row.onset_sample <= one.end_sample
        ends = row.end_sample is None or row.end_sample >= one.onset_sample
        if begins and ends:
            return old.pop(key)
    return None


def _known(record: Record, one: Seen) -> Episode | None:
    return Episode.objects.filter(
        record=record, label=one.label, onset_sample=one.onset_sample
    ).last()


def _apply(
    row: Episode,
    one: Seen,
    record: Record,
    *,
    annotator: str,
    now: datetime,
) -> bool:
    """Write ``one`` into its row; tell whether that changed or created it."""
    was_new = row.pk is None
    before = _facts(row)
    row.onset_sample, row.end_sample = one.onset_sample, one.end_sample
    row.peak, row.detail, row.beats = one.peak, one.detail[:200], one.beats
    row.withdrawn_at, row.provisional = None, False
    is_changed = was_new or before != _facts(row)
    if is_changed:
        row.onset_at = record.time_of(one.onset_sample)
        row.end_at = None if one.end_sample is None else record.time_of(one.end_sample)
        row.annotator = annotator
        row.revised_at = row.revised_at if was_new else now
    row.save()
    return is_changed


def _facts(row: Episode) -> tuple[object, ...]:
    return (
        row.onset_sample,
        row.end_sample,
        row.peak,
        row.detail,
        row.beats,
        row.withdrawn_at,
    )


def _mark_alarms(row: Episode, *, now: datetime) -> None:
    """Say on the alarms of an episode that it was revised; nothing else changes."""
    if row.revised_at is None:
        return
    words = "no longer found" if row.withdrawn_at else row.detail
    for alarm in Alarm.objects.filter(episode=row):
        Alarm.objects.filter(pk=alarm.pk).update(revised_at=now)
        record_change(
            alarm, AlarmChange.Kind.REVISED, f"late samples: {words}", now=now
        )
        if row.withdrawn_at is not None:
            clear_alarm(alarm=alarm, end_at=row.onset_at, detail=words, now=now)
