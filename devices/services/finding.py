"""What an upload finds: its device, its record and whose it is, in one statement."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from devices.fixed_sql import Columns, prepared
from devices.models import Anchor, Assignment, Device, DeviceToken, Record
from devices.models.token import opens
from devices.time_map import Piece
from patients.models import Patient

# A stream that goes on needs its last anchors only; a jittery clock makes many.
ANCHORS = 16


class TokenClosed(PermissionError):
    """The token of the upload was revoked or has expired."""


@dataclass(frozen=True, slots=True)
class Found:
    """The rows as they were; the versions tell whether they still are.

    ``pieces`` are those of the last ``ANCHORS`` anchors, oldest first; ``seen_s`` is
    when the rows were read, by the monotonic clock.
    """

    device: Device
    record: Record | None
    pieces: list[Piece]
    device_version: str
    record_version: str | None
    seen_s: float = field(default_factory=time.monotonic)


def find(
    device: Device, stream: str, *, token: DeviceToken | None, now: datetime
) -> Found:
    """Read the device and the record of its stream.

    Raises :class:`TokenClosed` if ``token`` is given and no longer opens the door:
    the same statement looks at it, so a revocation holds from the next upload on.
    """
    asked = [str(token.pk) if token else None, now.isoformat(), stream, str(device.pk)]
    with prepared(_FIND, asked) as cursor:
        values = cursor.fetchone()
    if values is None:
        if token is None:
            raise Device.DoesNotExist
        raise TokenClosed
    found, values = _DEVICE.take(values)
    record, values = _RECORD.take(values)
    patient, values = _PATIENT.take(values)
    assignment, values = _ASSIGNMENT.take(values)
    assert found is not None
    if record is not None:
        record.patient, record.assignment = patient, assignment
    device_version, record_version, samples, times, steps = values
    pieces = [
        Piece(sample, at, timedelta(milliseconds=step))
        for sample, at, step in zip(
            reversed(samples or ()),
            reversed(times or ()),
            reversed(steps or ()),
            strict=True,
        )
    ]
    return Found(found, record, pieces, device_version, record_version)


_DEVICE, _RECORD = Columns(Device), Columns(Record)
_PATIENT, _ASSIGNMENT = Columns(Patient), Columns(Assignment)
_FIND = f"""
SELECT {_DEVICE.of("device")}, {_RECORD.of("record")}, {_PATIENT.of("patient")},
    {_ASSIGNMENT.of("worn")}, device.xmin::text, record.xmin::text,
    anchors.samples, anchors.times, anchors.steps_ms
FROM (SELECT %s::bigint AS id) AS asked
LEFT JOIN {DeviceToken._meta.db_table} AS token ON token.id = asked.id
JOIN {Device._meta.db_table} AS device
    ON asked.id IS NULL OR (token.device_id = device.id AND {opens()})
LEFT JOIN {Record._meta.db_table} AS record ON record.device_id = device.id
    AND record.source = 'device' AND record.stream = %s
LEFT JOIN {Patient._meta.db_table} AS patient ON patient.id = record.patient_id
LEFT JOIN {Assignment._meta.db_table} AS worn ON worn.id = record.assignment_id
LEFT JOIN LATERAL (
    SELECT array_agg(sample) AS samples, array_agg(at) AS times,
        array_agg(step_ms) AS steps_ms
    FROM (
        SELECT sample, at, step_ms FROM {Anchor._meta.db_table}
        WHERE record_id = record.id ORDER BY sample DESC LIMIT {ANCHORS}
    ) AS last
) AS anchors ON true
WHERE device.id = %s::bigint
"""
