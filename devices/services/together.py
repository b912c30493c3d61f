"""Store the uploads of many devices by one statement, as far as they just go on.

A commit costs as much for fifty uploads as for one, and so does most of a statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from devices.codec import Packet
from devices.models import Device, DeviceToken
from devices.services.announcing import announce
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


def store_together(arrivals: Sequence[Arrival]) -> list[StoreResult | None]:
    """Store what this process knows enough of; None: ``store_packets`` has to decide.

    When this returns, what it calls stored is committed and announced. If it raises,
    nothing may be stored or everything: asked again, ``store_packets`` finds out.
    """
    uploads: list[Upload | None] = []
    devices: set[int] = set()
    for arrival in arrivals:
        # Two uploads of a device take turns.
        alone = arrival.device.pk not in devices
        devices.add(arrival.device.pk)
        uploads.append(_judge(arrival) if alone else None)
    growing = [upload for upload in uploads if upload is not None]
    tokens = [
        arrival.token
        for arrival, upload in zip(arrivals, uploads, strict=True)
        if upload is not None
    ]
    if growing:
        grown = grow(growing, tokens)
        for upload, found in zip(growing, grown, strict=True):
            upload.grown = found
    return [_result(upload) for upload in uploads]


def _judge(arrival: Arrival) -> Upload | None:
    packets = arrival.packets
    if not packets:
        return None
    found = kept_records.take(arrival.device.pk, packets[0].stream)
    if found is None or found.record is None:
        return None
    # What has to be looked up of it would keep all others waiting.
    if not goes_on(found.record, packets):
        return None
    return growing_upload(found, packets, arrival.received_at)


def _result(upload: Upload | None) -> StoreResult | None:
    if upload is None or upload.grown is None:
        return None
    announce(upload)
    result = StoreResult.of(upload.record, upload.verdicts, upload.device)
    # Last of all: from then on another thread may change the record.
    kept_records.keep(upload.grown)
    return result
