"""What must be told: each VT by one alarm and at least one mail, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db.models import Q

from bench.chaos.arrival import arrived_at
from bench.chaos.found import Found
from bench.chaos.matching import Span, kept_silent, match
from devices.models import Record
from inference.alarm_rules import LATE_AFTER, REFRACTORY, TECHNICAL_RULES
from inference.ecg.types import Episode as Seen
from inference.models import Alarm, Episode, MailDelivery

RULE = "VT"


def compare_alarms(
    found: Found,
    record: Record,
    episodes: Sequence[Seen],
    *,
    doctor: str,
    mailed: Counter[str],
) -> None:
    """Compare the alarms of a record with the episodes that are in its signal.

    Of an episode that is given more than once the last word counts.
    """
    last = {(one.label, one.onset_sample): one for one in episodes}
    expected: dict[str, list[Span]] = {}
    for (label, onset), one in sorted(last.items()):
        if not one.withdrawn:
            expected.setdefault(label, []).append(Span(onset, one.end_sample))
    alarms = list(
        Alarm.objects.filter(record=record)
        .exclude(rule__in=TECHNICAL_RULES)
        .select_related("episode")
        .order_by("pk")
    )
    standing: list[Alarm] = []
    for alarm in alarms:
        # One that was taken back has an episode that was withdrawn.
        if alarm.episode and alarm.episode.withdrawn_at:
            _count(found.alarms_withdrawn, alarm.rule)
        else:
            standing.append(alarm)
    own = [one for one in standing if one.rule == RULE]
    _rule(found, record, expected.get(RULE, []), own, doctor, mailed)
    for alarm in standing:
        spans = expected.get(alarm.rule, [])
        is_there = any(span.touches(_span(alarm)) for span in spans)
        if alarm.rule != RULE and not alarm.late and not is_there:
            _count(found.alarms_other, alarm.rule)


def _count(counts: dict[str, int], rule: str) -> None:
    counts[rule] = counts.get(rule, 0) + 1


def _rule(
    found: Found,
    record: Record,
    spans: Sequence[Span],
    alarms: Sequence[Alarm],
    doctor: str,
    mailed: Counter[str],
) -> None:
    answers, more = match(spans, [_span(alarm) for alarm in alarms])
    silent = kept_silent(
        spans,
        has_news=[any(not alarms[k].late for k in own) for own in answers],
        rest_samples=round(REFRACTORY.total_seconds() * record.fs),
    )
    for span, own, is_silent in zip(spans, answers, silent, strict=True):
        if not is_silent:
            _episode(found, record, span, [alarms[k] for k in own], doctor, mailed)
    for alarm in (alarms[k] for k in more):
        if not alarm.late:
            found.alarms_more += 1
            there = f"{alarm.state}: {alarm.detail}"
            found.told.append(f"{_place(record, _span(alarm))}: no VT, alarm {there}")


def _span(alarm: Alarm) -> Span:
    """Return the span of an alarm's episode: one that was inherited keeps its onset."""
    of = alarm.episode or alarm
    return Span(of.onset_sample or 0, of.end_sample)


def _episode(
    found: Found,
    record: Record,
    span: Span,
    alarms: Sequence[Alarm],
    doctor: str,
    mailed: Counter[str],
) -> None:
    found.alarms += 1
    place = _place(record, span)
    ended = [one for one in alarms if one.end_sample is not None or span.end is None]
    if not ended:
        found.alarms_missing += 1
        lacks = "no alarm that has ended" if alarms else "no alarm"
        found.told.append(f"{place}: {lacks}; there is {_instead(record, span)}")
        return
    if len(alarms) > 1:
        found.alarms_twice += 1
        found.told.append(f"{place}: {len(alarms)} alarms")
    for alarm in ended:
        if alarm.late:
            _late(found, record, span)
        else:
            _mail(found, alarm, place, doctor, mailed)


def _late(found: Found, record: Record, span: Span) -> None:
    """Count a late alarm; it is right where its own signal took more than a minute."""
    found.alarms_late += 1
    end = record.end_sample if span.end is None else span.end
    came_at = arrived_at(record, span.onset, end)
    # Signal that never came is counted as lost.
    waited = came_at and came_at - record.time_of(end)
    if waited is not None and waited <= LATE_AFTER:
        found.alarms_wrongly_late += 1
        took = f"late, though its signal took {waited.total_seconds():g} s"
        found.told.append(f"{_place(record, span)}: {took}")


def _mail(
    found: Found, alarm: Alarm, place: str, doctor: str, mailed: Counter[str]
) -> None:
    found.mails += 1
    sent = MailDelivery.objects.filter(alarm=alarm, address=doctor)
    times = sum(mailed[one.message_id] for one in sent)
    found.mails_missing += not times
    found.mails_twice += max(0, times - 1)
    if not times:
        states = [(one.state, one.smtp_answer) for one in sent]
        found.told.append(f"{place}: no mail {states}")


def _place(record: Record, span: Span) -> str:
    serial = record.device.serial if record.device else ""
    return f"{serial} at {span.onset / record.fs:g} s"


def _instead(record: Record, span: Span) -> list[str]:
    """Return the episodes that touch a span, and what became of their alarms."""
    end = record.end_sample if span.end is None else span.end
    lasts = Q(end_sample=None) | Q(end_sample__gte=span.onset)
    said = []
    for row in Episode.objects.filter(lasts, record=record, onset_sample__lte=end):
        words = [f"{row.label} {row.onset_sample} to {row.end_sample}", row.suppressed]
        words += ["withdrawn"] if row.withdrawn_at else []
        for alarm in row.alarms.all():
            words += [f"alarm {alarm.state}", "late" if alarm.late else ""]
            words += [f"{c.kind}: {c.detail}" for c in alarm.changes.order_by("pk")]
        said.append(", ".join(filter(None, words)))
    return said
