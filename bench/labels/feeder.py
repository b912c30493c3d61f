"""Store packets in real time, straight into the tables, for next to nothing."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import connection, transaction
from django.utils import timezone
from numpy.typing import NDArray

from bench.day import FS
from devices.models import Anchor, Assignment, Device, Record
from inference.asking import ask
from patients.models import Patient, Ward

GAIN = 200.0
TICK_S = 0.05
CHUNKS = """
COPY devices_chunk (record_id, seq, first_sample, n, crc, data, flags, lost_before,
    marker, received_at) FROM STDIN (FORMAT BINARY)
"""
CHUNK_TYPES = ["int8", "int8", "int8", "int4", "int8", "bytea"]
CHUNK_TYPES += ["varchar[]", "int8", "bool", "timestamptz"]
RECORDS = """
UPDATE devices_record SET end_sample = fed.end_sample, next_seq = fed.seq + 1,
    sample_count = fed.end_sample, last_received_at = %(now)s
FROM unnest(%(ids)s::bigint[], %(ends)s::bigint[], %(seqs)s::bigint[])
    AS fed (id, end_sample, seq)
WHERE devices_record.id = fed.id
"""


@dataclass(frozen=True)
class Fed:
    """A record that is fed, and when its first packet is due."""

    record: int
    offset: int
    phase_s: float


def make_records(count: int, *, packet_s: int, start_at: datetime) -> list[int]:
    """Make records that begin at ``start_at``, each of a patient and device."""
    ward = Ward.objects.create(name="Bench")
    numbers = range(count)
    patients = Patient.objects.bulk_create(
        Patient(code=f"B-{k}", first_name="B", last_name=str(k), ward=ward)
        for k in numbers
    )
    devices = Device.objects.bulk_create(Device(serial=f"B-{k}") for k in numbers)
    worn = Assignment.objects.bulk_create(
        Assignment(device=device, patient=patient, start_at=start_at)
        for device, patient in zip(devices, patients, strict=True)
    )
    begins = [
        start_at + timedelta(seconds=_phase_s(k, count, packet_s)) for k in numbers
    ]
    records = Record.objects.bulk_create(
        Record(
            device=one.device,
            stream=f"{k:016x}",
            assignment=one,
            patient=one.patient,
            fs=FS,
            leads=["I"],
            gain=GAIN,
            baseline=0,
            started_at=begins[k],
        )
        for k, one in enumerate(worn)
    )
    Anchor.objects.bulk_create(
        Anchor(record=record, sample=0, at=record.started_at) for record in records
    )
    return [record.pk for record in records]


def _phase_s(number: int, count: int, packet_s: int) -> float:
    return packet_s * number / count


class Feeder:
    """Gives every record a packet each ``packet_s`` seconds, evenly spread.

    Each is given another part of ``mv``, which begins anew at its end.
    """

    def __init__(
        self, records: Sequence[int], mv: NDArray[np.float32], *, packet_s: int
    ) -> None:
        self.adu = np.rint(mv * GAIN).astype("<i2")
        step = len(mv) // len(records)
        self.packet_s, self.size = packet_s, packet_s * FS
        self.fed = [
            Fed(record, k * step, _phase_s(k, len(records), packet_s))
            for k, record in enumerate(records)
        ]
        self.sent = 0

    def feed(self, start_s: float, until_s: float) -> Iterator[float]:
        """Store what is due each tick until so long after the start.

        Yields how long each took, in s.
        """
        while (now_s := time.monotonic()) < start_s + until_s:
            due = list(self._due(now_s - start_s))
            if due:
                self._store(due)
            late_s = time.monotonic() - now_s
            time.sleep(max(0.0, TICK_S - late_s))
            yield late_s

    def _due(self, after_s: float) -> Iterator[tuple[Fed, int]]:
        """Return what is due: a packet is sent when its last sample is recorded."""
        while True:
            seq, number = divmod(self.sent, len(self.fed))
            fed = self.fed[number]
            if fed.phase_s + (seq + 1) * self.packet_s > after_s:
                return
            self.sent += 1
            yield fed, seq

    def _store(self, due: Sequence[tuple[Fed, int]]) -> None:
        now = timezone.now()
        with transaction.atomic(), connection.cursor() as cursor:
            with cursor.copy(CHUNKS) as copy:
                copy.set_types(CHUNK_TYPES)
                for fed, seq in due:
                    copy.write_row(self._row(fed, seq, now))
            ends = [(seq + 1) * self.size for _, seq in due]
            ids, seqs = [fed.record for fed, _ in due], [seq for _, seq in due]
            values = {"ids": ids, "ends": ends, "seqs": seqs, "now": now}
            cursor.execute(RECORDS, values)
        ask("live")

    def _row(self, fed: Fed, seq: int, now: datetime) -> tuple[object, ...]:
        first = seq * self.size
        at = range(fed.offset + first, fed.offset + first + self.size)
        data = self.adu.take(at, mode="wrap").tobytes()
        crc = zlib.crc32(data)
        return (fed.record, seq, first, self.size, crc, data, [], 0, False, now)
