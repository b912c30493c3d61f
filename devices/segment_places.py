"""Which packets are in segments: asked when a packet comes late or once more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import connection

from devices.models import Compaction, Record, Segment
from devices.segments import Places, unpack_places

# seq, first_sample, n, crc.
Row = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Removed:
    """What is kept no longer of a record: up to which sample and ``seq``."""

    to_sample: int = 0
    to_seq: int = -1

    def holds(self, seq: int, end_sample: int | None) -> bool:
        """Tell whether a packet was stored and removed, or would be removed at once.

        ``end_sample`` is None for a heartbeat.
        """
        if end_sample is None:
            return seq <= self.to_seq
        return end_sample <= self.to_sample


NOTHING = Removed()


def removed_of(record: Record) -> Removed:
    """Return what retention has removed of a record."""
    found = Compaction.objects.filter(record=record).values_list(
        "removed_to_sample", "removed_to_seq"
    )
    row = found.first()
    return Removed(*row) if row else NOTHING


def places_near(
    record: Record, seqs: Sequence[int], first_samples: Sequence[int]
) -> Iterator[Row]:
    """Return the packets of every segment that lies next to one of these packets.

    Those with their ``seq`` and with their samples, and those before and after. The
    rows of segments tell; no file is read.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEAR, [list(seqs), list(first_samples), *[record.pk] * 3])
        found = cursor.fetchall()
    for _, places in found:
        yield from rows_of(unpack_places(bytes(places)))


def rows_of(places: Places) -> Iterator[Row]:
    """Return the packets one by one."""
    return zip(
        places.seq.tolist(),
        places.first_sample.tolist(),
        places.n.tolist(),
        places.crc.tolist(),
        strict=True,
    )


# By seq, segments lie one after the other: the one that ends at or behind a packet
# holds it and the next, or the next only; the one that ends before it, the last before.
_COLUMNS = f"SELECT span_sample, places FROM {Segment._meta.db_table}"
_NEAR = f"""
SELECT DISTINCT ON (near.span_sample) near.span_sample, near.places
FROM unnest(%s::bigint[], %s::bigint[]) AS wanted (seq, first_sample)
CROSS JOIN LATERAL (
    ({_COLUMNS} WHERE record_id = %s AND last_seq >= wanted.seq
     ORDER BY last_seq LIMIT 1)
    UNION ALL
    ({_COLUMNS} WHERE record_id = %s AND last_seq < wanted.seq
     ORDER BY last_seq DESC LIMIT 1)
    UNION ALL
    ({_COLUMNS} WHERE record_id = %s AND span_sample <= wanted.first_sample
     ORDER BY span_sample DESC LIMIT 1)
) AS near
"""
