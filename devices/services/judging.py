"""Judge the packets of one upload, and say what they change. It writes nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from devices.codec import Packet
from devices.gaps import SeqGaps
from devices.models import Record
from devices.services.finding import Found
from devices.services.neighbours import Neighbours, load_neighbours
from devices.services.ownership import Ownership
from devices.services.stream_clock import StreamClock
from devices.services.verdicts import Result, Verdict

# What leaves out more than this is no continuous recording. It also keeps a wild
# ``first_sample`` from making a record of centuries, which somebody must analyse.
LONGEST_GAP_S = 24 * 3600


class Upload:
    """The packets of one stream, judged by what was found of it."""

    def __init__(
        self, found: Found, packets: Sequence[Packet], received_at: datetime
    ) -> None:
        self.found, self.packets, self.received_at = found, packets, received_at
        self.device, self.record = found.device, found.record
        self.known: Neighbours = load_neighbours(self.record, packets)
        # The first packet says what form a new stream has, whatever becomes of it.
        self.like: Record | Packet = self.record or packets[0]
        alike = [packet for packet in packets if _form(packet) == _form(self.like)]
        self.clock = StreamClock(
            self.record, found.pieces, alike or packets, received_at
        )
        self.owner = Ownership(self.device, self.record, received_at)
        self.previous_end = self.record.end_sample if self.record else 0
        self._end_sample = self.previous_end
        self._next_seq = self.record.next_seq if self.record else 0
        self.accepted: list[Packet] = []
        # Said by who writes: what the next upload finds, and whether a record that
        # was held has found its patient.
        self.grown: Found | None = None
        self.attributed = False
        self.verdicts = tuple(self._judge(packet) for packet in packets)

    def count(self, record: Record) -> None:
        """Bring what the record says of its chunks to what it will be."""
        gaps = SeqGaps(record.next_seq, record.gaps)
        for packet in self.accepted:
            gaps.add(packet.seq)
        record.next_seq, record.gaps = gaps.next_seq, gaps.bounds
        record.last_received_at = self.received_at
        signal = [packet for packet in self.accepted if packet.n]
        # The analysis may be past these already; it goes back to the lowest.
        late = [packet for packet in signal if packet.first_sample < record.end_sample]
        if late:
            starts = [packet.first_sample for packet in late]
            ends = [packet.end_sample for packet in late]
            if record.late_from_sample is not None:
                starts.append(record.late_from_sample)
                # A mark without an end reaches to the head.
                ends.append(record.late_to_sample or record.end_sample)
            record.late_from_sample, record.late_to_sample = min(starts), max(ends)
        record.sample_count += sum(packet.n for packet in signal)
        end = max((packet.end_sample for packet in signal), default=0)
        if end > record.end_sample:
            record.end_sample, record.head_received_at = end, self.received_at

    def status(self) -> dict[str, Any]:
        """Return what the newest packet says of its device, by field."""
        fresh = [p for p in self.packets if p.status and p.seq >= self._next_seq]
        if not fresh:
            return {}
        status = max(fresh, key=lambda packet: packet.seq).status
        return {k: v for k, v in vars(status).items() if v is not None}

    def _judge(self, packet: Packet) -> Verdict:
        if _form(packet) != _form(self.like):
            return Verdict(packet.seq, Result.STREAM_CHANGED)
        if verdict := self.known.judge(packet):
            return verdict
        if packet.first_sample - self._end_sample > LONGEST_GAP_S * packet.fs:
            return Verdict(packet.seq, Result.STREAM_CHANGED)
        refused = self.owner.refuse(
            self.clock.time_of(packet), is_certain=self.clock.is_certain(packet)
        )
        if refused is not None:
            return Verdict(packet.seq, refused)
        if packet.n:
            self._end_sample = max(self._end_sample, packet.end_sample)
        self.clock.accept(packet)
        self.known.add(packet)
        self.accepted.append(packet)
        return Verdict(packet.seq, Result.STORED)


def growing_upload(
    found: Found, packets: Sequence[Packet], received_at: datetime
) -> Upload | None:
    """Judge the packets; None unless they just let a record of somebody's grow."""
    if found.record is None or found.record.assignment is None:
        return None
    upload = Upload(found, packets, received_at)
    return upload if upload.accepted and upload.clock.goes_on else None


def _form(of: Record | Packet) -> tuple[object, ...]:
    return of.fs, tuple(of.leads), of.gain, of.baseline
