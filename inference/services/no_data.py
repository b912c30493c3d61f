"""Watch for silence: patients who should be sending and are not."""

from datetime import datetime, timedelta

from django.db import transaction

from devices.heard import with_heard_at
from devices.models import Assignment
from inference.alarm_rules import technical_priority
from inference.asking import ask
from inference.models import Alarm, Episode
from inference.services.alarms import Condition, follow_condition
from inference.services.announcing import announce_alarms
from patients.models import Patient

SILENT_AFTER = timedelta(seconds=30)
# More than the clocks of two machines differ by.
CLOCKS_DIFFER = timedelta(seconds=10)
RULE = "NO_DATA"


def watch_silence(*, now: datetime) -> int:
    """Open, raise and close "no data" for everybody who wears a device now.

    Counts from the last packet under the present assignment: who has not sent yet
    is still being enrolled. Returns how many alarms changed, and announces them.
    """
    heard = _heard(now=now)
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


def _heard(*, now: datetime) -> dict[Patient, datetime]:
    """Return when the newest signal of everybody came who wears a device now."""
    worn = Assignment.objects.covering(now).select_related("patient")
    heard: dict[Patient, datetime] = {}
    for assignment in with_heard_at(worn):
        heard_at: datetime | None = getattr(assignment, "heard_at", None)
        if heard_at is None:
            continue
        if heard_at > now + CLOCKS_DIFFER:
            heard_at = _count_from_now(assignment, now=now)
        heard[assignment.patient] = heard_at
    return heard


def _count_from_now(assignment: Assignment, *, now: datetime) -> datetime:
    """Let what came by a clock that was set back since have come now.

    Else its silence would be noticed only when that time has come again.
    """
    ahead = assignment.records.filter(head_received_at__gt=now)
    ahead.update(head_received_at=now)
    return now


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
