"""Tell the live pages which alarms are open."""

from collections.abc import Iterable
from typing import Any

from devices.live import append_state
from inference.alarm_rules import RULES
from inference.models import Alarm
from patients.models import Patient


def announce_alarms(patient: Patient | None) -> None:
    """Append the patient's open alarms to the live stream."""
    if patient is not None:
        states = alarm_states([patient])
        append_state(live_key=patient.live_key, state=states[patient.pk])


def alarm_states(patients: Iterable[Patient]) -> dict[int, dict[str, Any]]:
    """Return per patient the rhythm in words and the open alarms, worst first.

    Without alarms where there are too many to tell again and again.
    """
    by_patient: dict[int, list[Alarm]] = {patient.pk: [] for patient in patients}
    found = Alarm.objects.open().filter(patient__in=list(by_patient)).worst_first()
    for alarm in found:
        by_patient[alarm.patient_id].append(alarm)
    return {pk: _state(alarms) for pk, alarms in by_patient.items()}


# More are not pushed with every second of signal; pages ask for all of them anyway.
MOST_TOLD = 20


def _state(alarms: list[Alarm]) -> dict[str, Any]:
    active = [
        RULES[alarm.rule].words
        for alarm in alarms
        if alarm.state == Alarm.State.ACTIVE and not RULES[alarm.rule].technical
    ]
    state: dict[str, Any] = {"rhythm": active[0] if active else ""}
    if len(alarms) <= MOST_TOLD:
        state["alarms"] = [_summary(alarm) for alarm in alarms]
    return state


def _summary(alarm: Alarm) -> dict[str, Any]:
    return {
        "id": alarm.pk,
        "rule": alarm.rule,
        "words": RULES[alarm.rule].words,
        "priority": alarm.priority,
        "state": alarm.state,
        "detail": alarm.detail,
        "onset_at": alarm.onset_at.isoformat(),
        "acknowledged": alarm.acknowledged_at is not None,
    }
