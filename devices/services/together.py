"""Store the uploads of many devices by one statement, as far as they just go on.

A commit costs as much for fifty uploads as for one, and so does most of a statement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from devices.codec import Packet
from devices.models import Device, DeviceToken
from devices.services.announcing import announce
from devices.services.finding import Asked, Found, find_all
from devices.services.growing import grow
from devices.services.judging import Upload, growing_upload
from devices.services.kept_records import kept_records
from devices.services.neighbours import goes_on
from devices.services.verdicts import StoreResult


@dataclass(frozen=True, slots=True)
class Arrival:
    """The packets of one request, of one stream, and the token that let them in."""

    device: Device
    token: DeviceToken
    packets: Sequence[Packet]
    received_at: datetime


_Places = Mapping[int, Found | None]


def store_together(arrivals: Sequence[Arrival]) -> list[StoreResult | None]:
    """Store what just goes on; None: ``store_packets`` has to decide.

    When this returns, what it calls stored is committed and announced. If it raises,
    some of it may be, too: asked again, ``store_packets`` calls that a duplicate.
    """
    results: list[StoreResult | None] = [None] * len(arrivals)
    # Two uploads of a device take turns.
    first = {arrival.device.pk: at for at, arrival in reversed([*enumerate(arrivals)])}
    left = [at for at in first.values() if arrivals[at].packets]
    kept = {at: _kept(arrivals[at]) for at in left}
    _grow(arrivals, kept, results)
    # What was not kept, or has changed elsewhere: a proxy may send the uploads of a
    # device to one process and to another.
    left = [at for at in left if results[at] is None]
    _grow(arrivals, _find(arrivals, left), results)
    return results


def _kept(arrival: Arrival) -> Found | None:
    return kept_records.take(arrival.device.pk, arrival.packets[0].stream)


def _find(arrivals: Sequence[Arrival], left: Sequence[int]) -> _Places:
    if not left:
        return {}
    asked = [
        Asked(one.device, one.packets[0].stream, one.received_at, one.token)
        for one in (arrivals[at] for at in left)
    ]
    return dict(zip(left, find_all(asked), strict=True))


def _grow(
    arrivals: Sequence[Arrival], found: _Places, results: list[StoreResult | None]
) -> None:
    uploads: dict[int, Upload] = {}
    for at, rows in found.items():
        upload = _judge(arrivals[at], rows)
        if upload is not None:
            uploads[at] = upload
    if not uploads:
        return
    grown = grow([*uploads.values()], [arrivals[at].token for at in uploads])
    for (at, upload), rows in zip(uploads.items(), grown, strict=True):
        if rows is None:
            continue
        announce(upload)
        results[at] = StoreResult.of(upload.record, upload.verdicts, upload.device)
        # Last of all: from then on another thread may change the record.
        kept_records.keep(rows)


def _judge(arrival: Arrival, found: Found | None) -> Upload | None:
    if found is None or found.record is None:
        return None
    # What has to be looked up of it would keep all others waiting.
    if not goes_on(found.record, arrival.packets):
        return None
    return growing_upload(found, arrival.packets, arrival.received_at)
