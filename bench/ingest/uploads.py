"""Uploads prepared before the clock runs, and what must be stored of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from bench.day import FS
from devices.models import Chunk, Device, Record
from devices.simulator.body_format import BodyFormat
from devices.simulator.packet import Packet
from devices.simulator.recorder import Recorder
from devices.simulator.source import SignalSource

STATUS = {"battery_percent": 81, "rssi_dbm": -61, "firmware": "1.2.0", "backlog": 0}
# What one upload stores: its stream, and the samples of each packet by seq.
Stored = tuple[str, dict[int, bytes]]


@dataclass(frozen=True)
class Sender:
    """A device with its token and the signal that it sends."""

    device: Device
    token: str
    source: SignalSource


@dataclass(frozen=True)
class Uploads:
    """Whole HTTP requests for each connection, and what each of them stores.

    A connection serves several devices, in turn; ``warm_up`` requests open the
    streams of all of them.
    """

    queues: list[list[bytes]]
    stored: list[list[Stored]]
    warm_up: int
    packets_per_request: int

    def lost(self, acked: Sequence[Sequence[int]]) -> int:
        """Return how many acked packets the database lacks or holds otherwise."""
        wanted: dict[tuple[str, int], bytes] = {}
        for stored, indices in zip(self.stored, acked, strict=True):
            for index in indices:
                stream, packets = stored[index]
                wanted |= {(stream, seq): data for seq, data in packets.items()}
        streams = {stream for stream, _ in wanted}
        rows = Chunk.objects.filter(record__stream__in=streams)
        for stream, seq, data in rows.values_list(
            "record__stream", "seq", "data"
        ).iterator():
            if wanted.get((stream, seq)) == bytes(data):
                del wanted[stream, seq]
        return len(wanted)


def uploads(
    senders: Sequence[Sender],
    *,
    body_format: BodyFormat | None,
    batch: int,
    batches: int,
    packet_s: float,
    start_at: datetime,
    connections: int,
) -> Uploads:
    """Prepare ``batches`` requests for each device, each of ``batch`` packets.

    Without a ``body_format`` they are for the bare floors, which take the samples.
    """
    by_connection = [senders[number::connections] for number in range(connections)]
    made = Uploads([], [], min(map(len, by_connection)), batch)
    for mine in by_connection:
        recorders = [
            Recorder(
                sender.source,
                start_at=start_at,
                packet_s=packet_s,
                total_s=packet_s * batch * batches,
            )
            for sender in mine
        ]
        each = [
            _requests(sender, recorder, body_format, batch)
            for sender, recorder in zip(mine, recorders, strict=True)
        ]
        in_turn = [request for turn in zip(*each, strict=True) for request in turn]
        made.queues.append([request for request, _ in in_turn])
        made.stored.append([stored for _, stored in in_turn])
    return made


def senders_of(
    enrolled: Sequence[tuple[str, str]], adu: np.ndarray, gain: float
) -> list[Sender]:
    """Give each enrolled device (serial, token) another part of one signal."""
    devices = Device.objects.in_bulk([s for s, _ in enrolled], field_name="serial")
    source = SignalSource(adu, FS, gain, 0, ("I",), endless=True)
    step = len(adu) // len(enrolled)
    return [
        Sender(devices[serial], token, replace(source, offset=number * step))
        for number, (serial, token) in enumerate(enrolled)
    ]


def _requests(
    sender: Sender, recorder: Recorder, body_format: BodyFormat | None, batch: int
) -> Iterator[tuple[bytes, Stored]]:
    recorded = list(recorder.record(recorder.total_samples or 0))
    stream = recorder.streams[0]
    record = None if body_format else _make_record(sender, stream, recorder.start_at)
    for first in range(0, len(recorded), batch):
        packets = recorded[first : first + batch]
        samples = {p.seq: p.adu.astype("<i2").tobytes() for p in packets}
        if body_format is None:
            path = f"/{record}/{packets[0].seq}"
            body, media_type = samples[packets[0].seq], "application/octet-stream"
        else:
            path, media_type = "/api/v1/packets", body_format.media_type
            body = _encoded(body_format, packets, sender)
        yield _post(path, sender.token, media_type, body), (stream, samples)


def _encoded(form: BodyFormat, packets: Sequence[Packet], sender: Sender) -> bytes:
    return form.encode(packets, sender.source, STATUS)


def _make_record(sender: Sender, stream: str, started_at: datetime) -> int:
    source = sender.source
    return Record.objects.create(
        device=sender.device,
        stream=stream,
        fs=source.fs,
        leads=list(source.leads),
        gain=source.gain,
        baseline=source.baseline,
        started_at=started_at,
    ).pk


def _post(path: str, token: str, media_type: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body
