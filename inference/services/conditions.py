"""From episodes and signal quality to alarms."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from devices.models import Record
from inference.alarm_rules import (
    RULES,
    is_late,
    suppression,
    technical_priority,
)
from inference.ecg.types import Analysis
from inference.models import Alarm, AnalysisState, Episode
from inference.services.alarms import Condition, clear_alarm, follow_condition
from inference.services.arrival import arrived_at, clock_behind
from inference.services.beats import quality_between
from inference.services.heirs import heirs_of
from inference.services.standing import Standing
from inference.technical_rules import Watch, watch_quality

# Quality is judged over at least this much signal before a condition is reported.
GATE_S = 5
# Signal that was re-opened by late samples is looked at again within so long: it waits
# a minute for its last gap, and then for a worker.
SECOND_LOOK = timedelta(minutes=10)
# A rule, and the seconds of the record in which its condition begins and ends.
Span = tuple[str, int, int | None]


def alarm_episodes(
    record: Record,
    rows: Iterable[Episode],
    *,
    cursor: int,
    first_look: bool = False,
    now: datetime,
) -> list[Alarm]:
    """Let each episode raise, update or clear its alarm; return those changed.

    On the ``first_look`` at a signal that came in time its alarms are news, however
    late the look is: a worker that was away hides nothing. A later look, at signal
    with late samples, may take its time as well, but not dig up what is long past.
    A file was recorded in the past and nobody waits for it: it raises nothing.
    """
    if record.patient is None or record.source == Record.Source.FILE:
        return []
    rows = list(rows)
    changed = [
        _alarm_episode(record, row, cursor, first_look=first_look, now=now)
        for row in [*rows, *heirs_of(rows, record, cursor=cursor)]
    ]
    return [alarm for alarm in changed if alarm is not None]


def _alarm_episode(
    record: Record, row: Episode, cursor: int, *, first_look: bool, now: datetime
) -> Alarm | None:
    rule = RULES.get(row.label)
    # Noise has an episode, but its alarm follows the quality of each second.
    if rule is None or rule.technical or record.patient is None:
        return None
    if row.withdrawn_at is not None:
        for alarm in Alarm.objects.filter(episode=row, state=Alarm.State.ACTIVE):
            clear_alarm(
                alarm=alarm, end_at=row.onset_at, detail="no longer found", now=now
            )
            return alarm
        return None
    onset = row.onset_sample or 0
    until = row.end_sample or cursor
    gate_start = max(0, min(onset, until - GATE_S * record.fs))
    quality = quality_between(record, gate_start, until).values.tolist()
    reason = suppression(quality)
    if reason != row.suppressed:
        row.suppressed = reason
        row.save(update_fields=["suppressed"])
    seen_at = record.time_of(cursor)
    last_at, came_at = row.end_at or seen_at, None
    if is_late(last_at, now=now):
        came_at = arrived_at(record, onset, until, last_at=last_at)
        if not first_look and came_at and now - came_at > SECOND_LOOK:
            came_at = None
    return follow_condition(
        Condition(
            rule=row.label,
            patient=record.patient,
            record=record,
            episode=row,
            onset_at=row.onset_at,
            onset_sample=row.onset_sample,
            seen_at=seen_at,
            seen_sample=cursor,
            arrived_at=None if came_at is None else min(came_at, now),
            end_at=row.end_at,
            end_sample=row.end_sample,
            detail=row.detail,
            peak=row.peak,
            quality=round(sum(quality) / len(quality)) if quality else None,
            annotator=row.annotator,
            suppressed=reason,
        ),
        now=now,
    )


def quality_spans(
    state: AnalysisState, analysis: Analysis
) -> tuple[dict[str, Any], list[Span]]:
    """Follow electrodes and noise second by second.

    Returns the place of the watch as ``state.technical`` keeps it, and what holds or
    ended in these seconds.
    """
    first_second = analysis.start_sample // state.record.fs
    before = Watch.from_json(state.technical)
    watch, changes = watch_quality(
        before, analysis.quality_words, first_second=first_second
    )
    spans: list[Span] = [(one.rule, one.onset_s, one.end_s) for one in changes]
    if watch.holds and not any(end is None for _, _, end in spans):
        spans.append((watch.holds, watch.since_s, None))
    return watch.to_json(), spans


def end_quality(record: Record, state: AnalysisState, *, now: datetime) -> list[Alarm]:
    """End what holds of a record that rests: from now on "no data" is watched.

    The device may never continue this record. If it does, what holds goes on: the watch
    stays, and finds its alarm by the onset.
    """
    watch = Watch.from_json(state.technical)
    if not watch.holds:
        return []
    end_s = max(state.cursor_sample // record.fs, watch.since_s)
    spans: list[Span] = [(watch.holds, watch.since_s, end_s)]
    return follow_spans(record, spans, seen_s=end_s, annotator=state.annotator, now=now)


def follow_spans(
    record: Record,
    spans: Iterable[Span],
    *,
    seen_s: int,
    annotator: str,
    standing: Standing | None = None,
    now: datetime,
) -> list[Alarm]:
    """Let technical conditions raise, update or clear their alarms.

    Where ``standing`` has the alarm of one that goes on as before, nothing is asked.
    """
    if record.patient is None or record.source == Record.Source.FILE:
        return []
    changed = []
    for rule, onset_s, end_s in spans:
        lasted = timedelta(seconds=(seen_s if end_s is None else end_s) - onset_s)
        onset, priority = onset_s * record.fs, technical_priority(lasted)
        told = standing and standing.priority_told(record, rule, onset)
        if end_s is None and told == priority:
            continue
        end_sample = None if end_s is None else end_s * record.fs
        seen_at = record.time_of(seen_s * record.fs)
        end_at = None if end_sample is None else record.time_of(end_sample)
        told_at = now
        if is_late(end_at or seen_at, now=now):
            told_at -= clock_behind(record, seen_s * record.fs)
        changed.append(
            follow_condition(
                Condition(
                    rule=rule,
                    patient=record.patient,
                    record=record,
                    onset_at=record.time_of(onset),
                    onset_sample=onset,
                    seen_at=seen_at,
                    seen_sample=seen_s * record.fs,
                    arrived_at=told_at,
                    end_at=end_at,
                    end_sample=end_sample,
                    detail=RULES[rule].why,
                    annotator=annotator,
                    priority=priority,
                ),
                now=now,
            )
        )
    return [alarm for alarm in changed if alarm is not None]
