"""Store the packets of one upload: look, judge, write."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Max, Min

from devices.codec import Packet
from devices.models import Chunk, Device, DeviceToken, Record
from devices.reading import read_time_map
from devices.services.announcing import announce
from devices.services.finding import find
from devices.services.growing import grow
from devices.services.judging import Upload, growing_upload
from devices.services.kept_records import kept_records
from devices.services.verdicts import StoreResult
from devices.signals import record_corrected

# What an upload changes in a record; other processes may change the rest.
_KEPT = [
    "assignment",
    "patient",
    "started_at",
    "time_uncertain",
    "next_seq",
    "gaps",
    "end_sample",
    "sample_count",
    "late_from_sample",
    "late_to_sample",
    "last_received_at",
    "head_received_at",
]


def store_packets(
    *,
    device: Device,
    packets: Sequence[Packet],
    received_at: datetime,
    token: DeviceToken | None = None,
) -> StoreResult:
    """Store what is new, valid and somebody's; say for each packet what it became.

    Packets are of one stream and come in any order, any number of times. When
    this returns, what it calls stored is committed (if no transaction surrounds
    it). Then fresh packets are appended to the patient's live stream and
    ``chunk_stored`` is sent. Uploads of a device and its assignments take turns.
    Raises :class:`TokenClosed` if ``token`` is given and no longer opens the door.
    """
    if len({packet.stream for packet in packets}) > 1:
        message = "Store the packets of one stream at a time."
        raise ValueError(message)
    if not packets:
        found = find(device, "", token=token, now=received_at)
        _touch(device, received_at)
        return StoreResult(device=found.device)
    # A record that just grows takes one statement. Everything else is decided under
    # a lock, as is what had changed before that statement came.
    upload = _grow(device, packets, received_at, token)
    if upload is None:
        upload = _store_locked(device, packets, received_at)
    result = StoreResult.of(upload.record, upload.verdicts, upload.device)
    # Last of all: from then on another thread may change the record.
    if upload.grown is not None:
        kept_records.keep(upload.grown)
    return result


def read_progress(*, device: Device, stream: str | None) -> StoreResult:
    """Return how far a stream is stored, for an upload that brings nothing to it."""
    records = Record.objects.filter(device=device, source=Record.Source.DEVICE)
    record = records.filter(stream=stream).first() if stream else None
    return StoreResult.of(record, (), device)


def _grow(
    device: Device,
    packets: Sequence[Packet],
    received_at: datetime,
    token: DeviceToken | None,
) -> Upload | None:
    stream = packets[0].stream
    kept = kept_records.take(device.pk, stream)
    # What was kept may be outdated; then once more, with what is found.
    for found in (kept, None) if kept else (None,):
        if found is None:
            found = find(device, stream, token=token, now=received_at)
        upload = growing_upload(found, packets, received_at)
        if upload is None:
            continue
        (upload.grown,) = grow([upload], [token])
        if upload.grown is not None:
            announce(upload)
            return upload
    return None


@transaction.atomic
def _store_locked(
    device: Device, packets: Sequence[Packet], received_at: datetime
) -> Upload:
    # The lock of the device holds until the commit. Changing the row, and not only
    # locking it, also turns away who found it before and would write after.
    _touch(device, received_at)
    streams = Record.objects.filter(device=device, source=Record.Source.DEVICE)
    stream = packets[0].stream
    # The analysis changes records without asking the device.
    list(streams.filter(stream=stream).select_for_update(no_key=True).values("pk"))
    found = find(device, stream, token=None, now=received_at)
    upload = Upload(found, packets, received_at)
    status = upload.status()
    if upload.accepted:
        _write(upload)
    if status:
        Device.objects.filter(pk=device.pk).update(**status)
    return upload


def _touch(device: Device, received_at: datetime) -> None:
    Device.objects.filter(pk=device.pk).update(last_seen_at=received_at)


def _write(upload: Upload) -> None:
    record = upload.record = upload.record or _create_record(upload)
    Chunk.objects.bulk_create(_chunk(upload, record, p) for p in upload.accepted)
    if upload.owner.assignment is None and upload.clock.certain:
        _attribute(upload, record)
    upload.count(record)
    upload.clock.save(record)
    record.save(update_fields=_KEPT)
    placed_from = upload.clock.placed_from
    if upload.attributed or placed_from is not None:
        record_corrected.send(
            Record,
            record_id=record.pk,
            attributed=upload.attributed,
            placed_from=placed_from,
        )
    announce(upload)


def _create_record(upload: Upload) -> Record:
    first = upload.accepted[0]
    owner = upload.owner.assignment
    return Record.objects.create(
        device=upload.device,
        stream=first.stream,
        assignment=owner,
        patient=owner.patient if owner else None,
        fs=first.fs,
        leads=list(first.leads),
        gain=first.gain,
        baseline=first.baseline,
        started_at=upload.clock.map.time_of(0),
        time_uncertain=not upload.clock.certain,
    )


def _chunk(upload: Upload, record: Record, packet: Packet) -> Chunk:
    return Chunk(
        record=record,
        seq=packet.seq,
        first_sample=packet.first_sample,
        n=packet.n,
        crc=packet.crc,
        data=packet.data,
        at=upload.clock.reading(packet),
        mono_ms=packet.mono_ms,
        flags=list(packet.flags),
        lost_before=packet.lost_before,
        marker=packet.marker,
        received_at=upload.received_at,
    )


def _attribute(upload: Upload, record: Record) -> None:
    # Nobody's signal becomes segments as everybody's does.
    chunks = record.chunks.filter(n__gt=0).aggregate(
        first=Min("first_sample"), last=Max("first_sample")
    )
    segments = record.segments.aggregate(
        first=Min("start_sample"), last=Max("end_sample") - 1
    )
    first = [at for at in (chunks["first"], segments["first"]) if at is not None]
    last = [at for at in (chunks["last"], segments["last"]) if at is not None]
    if not first:
        return
    now_known = upload.clock.map
    # Where a stream had a time before, the upload needs its last pieces only.
    begun = now_known if record.time_uncertain else read_time_map(record)
    upload.owner.attribute(begun.time_of(min(first)), now_known.time_of(max(last)))
    if upload.owner.assignment is not None:
        record.assignment = upload.owner.assignment
        record.patient = upload.owner.assignment.patient
        upload.attributed = True
