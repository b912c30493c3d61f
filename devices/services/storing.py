"""Store the packets of one upload: all checks, one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from devices.codec import Packet
from devices.fixed_sql import Columns
from devices.gaps import SeqGaps
from devices.models import Assignment, Chunk, Device, Record
from devices.services.announcing import announce_stored
from devices.services.neighbours import Neighbours, load_neighbours
from devices.services.ownership import Ownership
from devices.services.stream_clock import StreamClock
from devices.services.verdicts import (
    MISSING_IN_REPLY,
    Result,
    StoreResult,
    Verdict,
)
from patients.models import Patient

# What leaves out more than this is no continuous recording. It also keeps a wild
# ``first_sample`` from making a record of centuries, which somebody must analyse.
LONGEST_GAP_S = 24 * 3600

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
    "last_received_at",
]


def store_packets(
    *, device: Device, packets: Sequence[Packet], received_at: datetime
) -> StoreResult:
    """Store what is new, valid and somebody's; say for each packet what it became.

    Packets are of one stream and come in any order, any number of times. When
    this returns, what it calls stored is committed (if no transaction surrounds
    it). Then fresh packets are appended to the patient's live stream and
    ``chunk_stored`` is sent. The device is locked meanwhile, so its uploads and
    its assignments take turns.
    """
    if len({packet.stream for packet in packets}) > 1:
        message = "Store the packets of one stream at a time."
        raise ValueError(message)
    with transaction.atomic():
        # This is the lock, too: it holds until the commit.
        Device.objects.filter(pk=device.pk).update(last_seen_at=received_at)
        if not packets:
            return StoreResult()
        return _Upload(device, packets, received_at).store()


def read_progress(*, device: Device, stream: str | None) -> StoreResult:
    """Return how far a stream is stored, for an upload that brings nothing to it."""
    records = Record.objects.filter(device=device, source=Record.Source.DEVICE)
    record = records.filter(stream=stream).first() if stream else None
    return _progress(record, ())


def _progress(record: Record | None, verdicts: tuple[Verdict, ...]) -> StoreResult:
    if record is None:
        return StoreResult(verdicts)
    missing = SeqGaps(record.next_seq, record.gaps).first(MISSING_IN_REPLY)
    return StoreResult(verdicts, record, record.next_seq, tuple(missing))


class _Upload:
    def __init__(
        self, device: Device, packets: Sequence[Packet], received_at: datetime
    ) -> None:
        self.device, self.packets, self.received_at = device, packets, received_at
        self.record = _lock_record(device, packets[0].stream)
        self.known: Neighbours = load_neighbours(self.record, packets)
        # The first packet says what form a new stream has, whatever becomes of it.
        self.like: Record | Packet = self.record or packets[0]
        alike = [packet for packet in packets if _form(packet) == _form(self.like)]
        self.clock = StreamClock(self.record, alike or packets, received_at)
        self.owner = Ownership(device, self.record, received_at)
        self.end_sample = self.record.end_sample if self.record else 0
        self.accepted: list[Packet] = []

    def store(self) -> StoreResult:
        latest_seq = self.record.next_seq if self.record else 0
        verdicts = tuple(self._judge(packet) for packet in self.packets)
        if self.accepted:
            self.record = self._write()
        if status := self._status(latest_seq):
            Device.objects.filter(pk=self.device.pk).update(**status)
        return _progress(self.record, verdicts)

    def _judge(self, packet: Packet) -> Verdict:
        if _form(packet) != _form(self.like):
            return Verdict(packet.seq, Result.STREAM_CHANGED)
        if verdict := self.known.judge(packet):
            return verdict
        if packet.first_sample - self.end_sample > LONGEST_GAP_S * packet.fs:
            return Verdict(packet.seq, Result.STREAM_CHANGED)
        refused = self.owner.refuse(
            self.clock.time_of(packet), is_certain=self.clock.is_certain(packet)
        )
        if refused is not None:
            return Verdict(packet.seq, refused)
        if packet.n:
            self.end_sample = max(self.end_sample, packet.end_sample)
        self.clock.accept(packet)
        self.known.add(packet)
        self.accepted.append(packet)
        return Verdict(packet.seq, Result.STORED)

    def _write(self) -> Record:
        record = self.record or self._create_record()
        previous_end = record.end_sample
        Chunk.objects.bulk_create(self._chunk(record, p) for p in self.accepted)
        if self.owner.assignment is None and self.clock.certain:
            self._attribute(record)
        self._count(record)
        self.clock.save(record)
        record.save(update_fields=_KEPT)
        announce_stored(
            record=record,
            packets=self.accepted,
            previous_end=previous_end,
            time_map=self.clock.map,
            received_at=self.received_at,
        )
        return record

    def _create_record(self) -> Record:
        first = self.accepted[0]
        owner = self.owner.assignment
        return Record.objects.create(
            device=self.device,
            stream=first.stream,
            assignment=owner,
            patient=owner.patient if owner else None,
            fs=first.fs,
            leads=list(first.leads),
            gain=first.gain,
            baseline=first.baseline,
            started_at=self.clock.map.time_of(0),
            time_uncertain=not self.clock.certain,
        )

    def _chunk(self, record: Record, packet: Packet) -> Chunk:
        return Chunk(
            record=record,
            seq=packet.seq,
            first_sample=packet.first_sample,
            n=packet.n,
            crc=packet.crc,
            data=packet.data,
            at=self.clock.reading(packet),
            mono_ms=packet.mono_ms,
            flags=list(packet.flags),
            lost_before=packet.lost_before,
            marker=packet.marker,
            received_at=self.received_at,
        )

    def _attribute(self, record: Record) -> None:
        held = record.chunks.filter(n__gt=0).order_by("first_sample")
        first, last = held.first(), held.last()
        if first is None or last is None:
            return
        first_at = self.clock.map.time_of(first.first_sample)
        self.owner.attribute(first_at, self.clock.map.time_of(last.first_sample))
        if self.owner.assignment is not None:
            record.assignment = self.owner.assignment
            record.patient = self.owner.assignment.patient

    def _count(self, record: Record) -> None:
        gaps = SeqGaps(record.next_seq, record.gaps)
        for packet in self.accepted:
            gaps.add(packet.seq)
        record.next_seq, record.gaps = gaps.next_seq, gaps.bounds
        record.last_received_at = self.received_at
        signal = [packet for packet in self.accepted if packet.n]
        # The analysis may be past these already; it goes back to the lowest.
        late = [p.first_sample for p in signal if p.first_sample < record.end_sample]
        if record.late_from_sample is not None:
            late.append(record.late_from_sample)
        record.late_from_sample = min(late, default=None)
        record.sample_count += sum(packet.n for packet in signal)
        ends = [packet.end_sample for packet in signal]
        record.end_sample = max([record.end_sample, *ends])

    def _status(self, latest_seq: int) -> dict[str, Any]:
        fresh = [p for p in self.packets if p.status and p.seq >= latest_seq]
        if not fresh:
            return {}
        status = max(fresh, key=lambda packet: packet.seq).status
        return {k: v for k, v in vars(status).items() if v is not None}


def _lock_record(device: Device, stream: str) -> Record | None:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_RECORD, [device.pk, stream])
        values = cursor.fetchone()
    if values is None:
        return None
    record, rest = _RECORD.take(values)
    patient, rest = _PATIENT.take(rest)
    assignment, _ = _ASSIGNMENT.take(rest)
    assert record is not None
    record.patient, record.assignment = patient, assignment
    return record


def _form(of: Record | Packet) -> tuple[object, ...]:
    return of.fs, tuple(of.leads), of.gain, of.baseline


_RECORD, _PATIENT, _ASSIGNMENT = Columns(Record), Columns(Patient), Columns(Assignment)
_LOCK_RECORD = f"""
SELECT {_RECORD.of("record")}, {_PATIENT.of("patient")}, {_ASSIGNMENT.of("worn")}
FROM {Record._meta.db_table} AS record
LEFT JOIN {Patient._meta.db_table} AS patient ON patient.id = record.patient_id
LEFT JOIN {Assignment._meta.db_table} AS worn ON worn.id = record.assignment_id
WHERE record.device_id = %s AND record.stream = %s AND record.source = 'device'
FOR NO KEY UPDATE OF record
"""
