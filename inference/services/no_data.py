"""Watch for silence: patients who should be sending and are not."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from devices.models import Assignment, Chunk, Record, Segment
from inference.alarm_rules import technical_priority
from inference.asking import ask
from inference.models import Alarm, Episode
from inference.services.alarms import Condition, follow_condition
from inference.services.announcing import announce_alarms
from patients.models import Patient

SILENT_AFTER = timedelta(seconds=30)
RULE = "NO_DATA"


def watch_silence(*, now: datetime) -> int:
    """Open, raise and close "no data" for everybody who wears a device now.

    Counts from the last packet under the present assignment: who has not sent yet
    is still being enrolled. Returns how many alarms changed, and announces them.
    """
    worn = Assignment.objects.covering(now).select_related("patient")
    heard: dict[Patient, datetime] = {
        assignment.patient: heard_at
        for assignment in worn.annotate(heard_at=_heard_at())
        if (heard_at := getattr(assignment, "heard_at", None)) is not None
    }
    silent = {
        patient: heard_at
        for patient, heard_at in heard.items()
        if now - heard_at >= SILENT_AFTER
    }
    changed = _close_ended(heard, now=now)
    for patient, heard_at in silent.items():
        if _needs_word(patient, heard_at, now=now):
            alarm = _follow(patient, heard_at, now=now)
            changed += [] if alarm is None else [alarm]
    for alarm in changed:
        announce_alarms(alarm.patient)
    if changed:
        ask("mail")
    return len(changed)


def _heard_at() -> Coalesce:
    """When the head of an assignment's latest record came; heartbeats do not count."""
    heard = Record.objects.filter(sample_count__gt=0).order_by("-last_received_at")
    latest_pk = heard.filter(assignment=OuterRef(OuterRef("pk"))).values("pk")[:1]
    latest = heard.filter(assignment=OuterRef("pk"))
    head = Chunk.objects.filter(record=Subquery(latest_pk), n__gt=0)
    # Of a record that has rested for long, the head is in a segment.
    packed = Segment.objects.filter(
        record=Subquery(latest_pk), end_sample=F("record__end_sample")
    )
    return Coalesce(
        Subquery(packed.values("received_at")[:1]),
        Subquery(head.order_by("-first_sample").values("received_at")[:1]),
        # Its signal is kept no longer.
        Subquery(latest.values("last_received_at")[:1]),
    )


def _needs_word(patient: Patient, heard_at: datetime, *, now: datetime) -> bool:
    active = Alarm.objects.filter(
        patient=patient, rule=RULE, state=Alarm.State.ACTIVE, onset_at=heard_at
    ).first()
    return active is None or active.priority != technical_priority(now - heard_at)


@transaction.atomic
def _follow(patient: Patient, heard_at: datetime, *, now: datetime) -> Alarm | None:
    # Two sweeps at once must not open the same episode twice.
    Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    since = heard_at.astimezone(patient.zone)
    detail = f"nothing received since {since:%H:%M:%S}"
    episode, _ = Episode.objects.get_or_create(
        patient=patient,
        record=None,
        label=RULE,
        onset_at=heard_at,
        defaults={"annotator": "tc-server", "detail": detail},
    )
    return follow_condition(_condition(episode, patient, now=now), now=now)


def _condition(episode: Episode, patient: Patient, *, now: datetime) -> Condition:
    lasted = (episode.end_at or now) - episode.onset_at
    return Condition(
        rule=RULE,
        patient=patient,
        record=None,
        episode=episode,
        onset_at=episode.onset_at,
        onset_sample=None,
        seen_at=now,
        end_at=episode.end_at,
        detail=episode.detail,
        annotator=episode.annotator,
        priority=technical_priority(lasted),
    )


def _close_ended(heard: dict[Patient, datetime], *, now: datetime) -> list[Alarm]:
    """End the silences of patients who send again or wear nothing any more."""
    changed: list[Alarm] = []
    open_ones = Episode.objects.filter(label=RULE, end_at=None, patient__isnull=False)
    for episode in open_ones.select_related("patient"):
        patient = episode.patient
        # Nothing came since, whatever another worker's clock says.
        if patient is None or heard.get(patient) == episode.onset_at:
            continue
        changed += _close(episode, patient, heard.get(patient, now), now=now)
    return changed


@transaction.atomic
def _close(
    episode: Episode, patient: Patient, end_at: datetime, *, now: datetime
) -> list[Alarm]:
    """End a silence and its alarm, both or neither: nobody looks for one of them."""
    episode.end_at = max(end_at, episode.onset_at)
    episode.save(update_fields=["end_at"])
    if not Alarm.objects.filter(episode=episode).exists():
        return []
    alarm = follow_condition(_condition(episode, patient, now=now), now=now)
    return [] if alarm is None else [alarm]
