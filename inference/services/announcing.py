"""Tell the live pages which alarms are open."""

from typing import Any

from devices.live import append_state
from inference.alarm_rules import RULES
from inference.models import Alarm
from patients.models import Patient


def announce_alarms(patient: Patient | None) -> None:
    """Append the patient's open alarms to the live stream."""
    if patient is not None:
        append_state(live_key=patient.live_key, state=alarm_state(patient))


def alarm_state(patient: Patient) -> dict[str, Any]:
    """Return the open alarms, worst first, and the rhythm in words."""
    alarms = list(Alarm.objects.filter(patient=patient).open().worst_first())
    active = [
        RULES[alarm.rule].words
        for alarm in alarms
        if alarm.state == Alarm.State.ACTIVE and not RULES[alarm.rule].technical
    ]
    return {
        "rhythm": active[0] if active else "",
        "alarms": [
            {
                "id": alarm.pk,
                "rule": alarm.rule,
                "words": RULES[alarm.rule].words,
                "priority": alarm.priority,
                "state": alarm.state,
                "detail": alarm.detail,
                "onset_at": alarm.onset_at.isoformat(),
                "acknowledged": alarm.acknowledged_at is not None,
            }
            for alarm in alarms
        ],
    }
