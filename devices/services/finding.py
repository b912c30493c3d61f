"""What uploads find: their devices, records and whose they are, in one statement."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from devices.fixed_sql import Columns, array, prepared, texts
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to find: with ``token``, only while that opens the door."""

    device: Device
    stream: str
    now: datetime
    token: DeviceToken | None = None


def find(
    device: Device, stream: str, *, token: DeviceToken | None, now: datetime
) -> Found:
    """Read the device and the record of its stream.

    Raises :class:`TokenClosed` if ``token`` is given and no longer opens the door:
    the same statement looks at it, so a revocation holds from the next upload on.
    """
    (found,) = find_all([Asked(device, stream, now, token)])
    if found is not None:
        return found
    if token is None:
        raise Device.DoesNotExist
    raise TokenClosed


def find_all(asked: Sequence[Asked]) -> list[Found | None]:
    """Read devices and the records of their streams; None: no door is open there."""
    values = [
        array(one.device.pk for one in asked),
        texts(one.stream for one in asked),
        array(one.now for one in asked),
        array(one.token and one.token.pk for one in asked),
    ]
    found: list[Found | None] = [None] * len(asked)
    with prepared(_FIND, values) as cursor:
        for place, *row in cursor:
            found[place - 1] = _found(row)
    return found


def _found(values: Sequence[Any]) -> Found:
    device, values = _DEVICE.take(values)
    record, values = _RECORD.take(values)
    patient, values = _PATIENT.take(values)
    assignment, values = _ASSIGNMENT.take(values)
    assert device is not None
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
    return Found(device, record, pieces, device_version, record_version)


_DEVICE, _RECORD = Columns(Device), Columns(Record)
_PATIENT, _ASSIGNMENT = Columns(Patient), Columns(Assignment)
_FIND = f"""
SELECT asked.place, {_DEVICE.of("device")}, {_RECORD.of("record")},
    {_PATIENT.of("patient")}, {_ASSIGNMENT.of("worn")}, device.xmin::text,
    record.xmin::text, anchors.samples, anchors.times, anchors.steps_ms
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::bigint[])
    WITH ORDINALITY AS asked (device_id, stream, now, token_id, place)
JOIN {Device._meta.db_table} AS device ON device.id = asked.device_id
LEFT JOIN {DeviceToken._meta.db_table} AS token ON token.id = asked.token_id
LEFT JOIN {Record._meta.db_table} AS record ON record.device_id = device.id
    AND record.source = 'device' AND record.stream = asked.stream
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
WHERE asked.token_id IS NULL
    OR (token.device_id = device.id AND {opens("asked.now")})
"""
