"""Judge a packet by what is stored around it: repeated, contradictory or out of place.

Stored packets with signal lie in one order, by seq and by sample, without overlap.
So a new one fits if it fits between the two whose seq is next to its own.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from django.db import connection

from devices.codec import Packet
from devices.models import Chunk, Record
from devices.segment_places import NOTHING, Removed, places_near, removed_of
from devices.services.verdicts import Result, Verdict


@dataclass(frozen=True, slots=True)
class _Place:
    seq: int
    first_sample: int
    n: int
    crc: int

    def overlaps(self, other: "_Place") -> bool:
        return (
            self.first_sample < other.first_sample + other.n
            and other.first_sample < self.first_sample + self.n
        )


class Neighbours:
    """The stored packets next to those of one upload, and those accepted from it."""

    def __init__(
        self, places: Iterable[_Place] = (), removed: Removed = NOTHING
    ) -> None:
        self._removed = removed
        self._by_seq = {place.seq: place for place in places}
        # Heartbeats hold no samples and stand in nobody's way.
        self._order = sorted(seq for seq, p in self._by_seq.items() if p.n)

    def judge(self, packet: Packet) -> Verdict | None:
        """Return why the packet is not new or does not fit; None if it does."""
        place = _place(packet)
        known = self._by_seq.get(packet.seq)
        if known is not None:
            same = known == place
            return Verdict(packet.seq, Result.DUPLICATE if same else Result.CONFLICT)
        if self._removed.holds(packet.seq, packet.end_sample if packet.n else None):
            return Verdict(packet.seq, Result.DUPLICATE)
        if not packet.n:
            return None
        index = bisect_left(self._order, packet.seq)
        before = [self._by_seq[seq] for seq in self._order[max(index - 1, 0) : index]]
        after = [self._by_seq[seq] for seq in self._order[index : index + 1]]
        fits = all(p.first_sample + p.n <= place.first_sample for p in before) and all(
            packet.end_sample <= p.first_sample for p in after
        )
        if fits:
            return None
        if any(place.overlaps(other) for other in self._beside(place)):
            reason = "the samples overlap those of another seq"
            return _invalid(packet, "overlap", reason)
        reason = "seq and first_sample disagree with the order of their neighbours"
        return _invalid(packet, "order", reason)

    def _beside(self, place: _Place) -> list[_Place]:
        """Return who lies before and behind by sample: nobody else can overlap."""
        index = bisect_right(
            self._order,
            place.first_sample,
            key=lambda seq: self._by_seq[seq].first_sample,
        )
        return [self._by_seq[seq] for seq in self._order[max(index - 1, 0) : index + 1]]

    def add(self, packet: Packet) -> None:
        """Take note of a packet that will be stored."""
        self._by_seq[packet.seq] = _place(packet)
        if packet.n:
            insort(self._order, packet.seq)


def goes_on(record: Record, packets: Sequence[Packet]) -> bool:
    """Tell whether all packets lie behind everything stored, by seq and by sample."""
    return (
        min(packet.seq for packet in packets) >= record.next_seq
        and min(packet.first_sample for packet in packets) >= record.end_sample
    )


def load_neighbours(record: Record | None, packets: Sequence[Packet]) -> Neighbours:
    """Read what stands next to ``packets``: nothing for a stream that just goes on."""
    if record is None or goes_on(record, packets):
        return Neighbours()
    seqs = [packet.seq for packet in packets]
    # Besides the neighbours by seq, what lies at the same samples: it tells an
    # overlap from a wrong order.
    starts = [packet.first_sample for packet in packets]
    # A heartbeat has no neighbours; hours of them would be read through for each.
    signal = [packet.n > 0 for packet in packets]
    with connection.cursor() as cursor:
        cursor.execute(_NEIGHBOURS, [seqs, starts, signal, *[record.pk] * 4])
        hot = [_Place(*row) for row in cursor.fetchall()]
    packed = places_near(record, seqs, starts)
    places = chain((_Place(*row) for row in packed), hot)
    return Neighbours(places, removed_of(record))


def _place(packet: Packet) -> _Place:
    return _Place(packet.seq, packet.first_sample, packet.n, packet.crc)


def _invalid(packet: Packet, error: str, reason: str) -> Verdict:
    return Verdict(packet.seq, Result.INVALID, error, "first_sample", reason)


_COLUMNS = f"SELECT seq, first_sample, n, crc FROM {Chunk._meta.db_table}"
_NEIGHBOURS = f"""
SELECT DISTINCT near.*
FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[])
    AS wanted (seq, first_sample, has_signal)
CROSS JOIN LATERAL (
    ({_COLUMNS} WHERE record_id = %s AND seq = wanted.seq)
    UNION ALL
    ({_COLUMNS} WHERE record_id = %s AND seq < wanted.seq AND n > 0
     AND wanted.has_signal ORDER BY seq DESC LIMIT 1)
    UNION ALL
    ({_COLUMNS} WHERE record_id = %s AND seq > wanted.seq AND n > 0
     AND wanted.has_signal ORDER BY seq LIMIT 1)
    UNION ALL
    ({_COLUMNS} WHERE record_id = %s AND first_sample <= wanted.first_sample
     AND n > 0 AND wanted.has_signal ORDER BY first_sample DESC LIMIT 1)
) AS near
"""
