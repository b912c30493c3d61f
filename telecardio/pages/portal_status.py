"""Whether a patient's recording runs, in words for the patient."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models.functions import Coalesce

from devices.models import Assignment, Chunk
from inference.alarm_rules import TECHNICAL_RULES
from inference.models import Alarm
from patients.models import Patient

# Devices send every second or so; a packet may be late by a retry.
STILL_NOW = timedelta(seconds=30)
_LAST = Coalesce("head_received_at", "last_received_at")


class Connection(enum.Enum):
    """What the patient should know."""

    NO_DEVICE = "no_device"
    NEVER_SEEN = "never_seen"
    RECORDING = "recording"
    ELECTRODES = "electrodes"
    SILENT = "silent"


@dataclass(frozen=True)
class PortalStatus:
    """The state, and since when, on the patient's own clock."""

    connection: Connection
    since: datetime | None = None
    since_today: bool = True
    battery_percent: int | None = None


def portal_status(patient: Patient, *, now: datetime) -> PortalStatus:
    """Tell whether the patient's device records now."""
    assignment = (
        Assignment.objects.covering(now)
        .filter(patient=patient)
        .select_related("device")
        .first()
    )
    if assignment is None:
        return PortalStatus(Connection.NO_DEVICE)
    battery = assignment.device.battery_percent
    # What fills the gaps of an older record is not what goes on now.
    record = assignment.records.order_by(_LAST.desc()).first()
    if record is None or record.last_received_at is None:
        return PortalStatus(Connection.NEVER_SEEN, battery_percent=battery)
    if now - record.last_received_at > STILL_NOW:
        return _silent(patient, record.last_received_at, battery, now=now)
    latest = Chunk.objects.filter(record=record).order_by("-seq").first()
    off = latest is not None and "lead_off" in latest.flags
    # What the wall says of it, too: heartbeats come without signal, and not every
    # device feels its electrodes.
    told = Alarm.objects.filter(patient=patient, state=Alarm.State.ACTIVE)
    alarms = dict(told.filter(rule__in=TECHNICAL_RULES).values_list("rule", "onset_at"))
    if off or "LEAD_OFF" in alarms:
        return PortalStatus(Connection.ELECTRODES, battery_percent=battery)
    if "NO_DATA" in alarms:
        return _silent(patient, alarms["NO_DATA"], battery, now=now)
    return PortalStatus(Connection.RECORDING, battery_percent=battery)


def _silent(
    patient: Patient, at: datetime, battery: int | None, *, now: datetime
) -> PortalStatus:
    since = at.astimezone(patient.zone)
    today = since.date() == now.astimezone(patient.zone).date()
    return PortalStatus(Connection.SILENT, since, today, battery)
