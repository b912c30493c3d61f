"""Look at everything that is stored of a record, and say what is wrong with it."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from devices.models import Chunk, Compaction, LooseFile, Record, Segment
from devices.packing import form_of, moment, span_of
from devices.segment_files import read_segment, segment_store
from devices.segment_objects import StoreAway
from devices.segment_places import Row, rows_of
from devices.segments import (
    LEVELS,
    DamagedSegment,
    Pyramid,
    SegmentData,
    coarser,
    decode_pyramid,
    decode_segment,
    unpack_bins,
    unpack_places,
)

# A packet in the order of packets: seq, first_sample, n.
_Order = NDArray[np.int64]


@dataclass
class Verified:
    """What was looked at, and what is wrong, in words."""

    segments: int = 0
    chunks: int = 0
    samples: int = 0
    damage: list[str] = field(default_factory=list)


def verify_record(
    record_id: int, *, progress: Callable[[int], object] = lambda samples: None
) -> Verified:
    """Read all of a record: hashes, CRCs, order, counts and pyramids.

    It is seen as at one moment, though packets and compaction go on meanwhile.
    ``progress`` is called with the samples looked at since the last call. Raises
    ``StoreAway`` if the files cannot be asked for, which says nothing about them.
    """
    found = Verified()
    with transaction.atomic():
        _at_one_moment()
        record = Record.objects.get(pk=record_id)
        orders: list[_Order] = []
        segments = Segment.objects.filter(record=record).order_by("span_sample")
        for segment in segments.iterator(chunk_size=20):
            orders.append(_order_of(_segment(record, segment, found)))
            found.segments += 1
            progress(segment.sample_count)
        orders.append(_order_of(list(_hot(record, found, progress))))
        removed = Compaction.objects.filter(record=record).first()
        order = np.concatenate(orders)
        _whole(record, order, removed.removed_samples if removed else 0, found)
    return found


def unknown_files() -> Iterator[str]:
    """Return the keys of files that no row names, as after restoring older rows."""
    store = segment_store()
    for day in sorted(store.listdir("")[0]):
        for part in store.listdir(day)[0]:
            keys = {
                f"{day}/{part}/{name}" for name in store.listdir(f"{day}/{part}")[1]
            }
            for model in (Segment, LooseFile):
                known = model._default_manager.filter(key__in=keys)
                keys -= set(known.values_list("key", flat=True))
            yield from sorted(keys)


def _at_one_moment() -> None:
    # A test's own transaction has begun to read already.
    if connection.in_atomic_block and len(connection.savepoint_ids) == 0:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _segment(record: Record, segment: Segment, found: Verified) -> list[Row]:
    """Check one segment; return its packets, from the row if the file is damaged."""
    where = f"samples {segment.start_sample} to {segment.end_sample} ({segment.key})"
    packets = _row_places(segment, where, found)
    try:
        packed = read_segment(segment.key)
        data = decode_segment(packed, sha256=bytes(segment.sha256))
        pyramid = decode_pyramid(packed)
    except FileNotFoundError:
        found.damage.append(f"{where}: its file is missing")
        return packets
    except StoreAway:
        raise
    except OSError as error:
        found.damage.append(f"{where}: its file cannot be read: {error}")
        return packets
    except DamagedSegment as error:
        found.damage.append(f"{where}: {error}")
        return packets
    checks = _checks(record, segment, data, packed, packets)
    wrong = [words for words, is_right in checks if not is_right]
    wrong += [f"packet {seq} fails its CRC" for seq in data.wrong_crcs()]
    wrong += _pyramids(segment, data, pyramid)
    found.damage += [f"{where}: {words}" for words in wrong]
    return packets


def _row_places(segment: Segment, where: str, found: Verified) -> list[Row]:
    try:
        return list(rows_of(unpack_places(bytes(segment.places))))
    except DamagedSegment as error:
        found.damage.append(f"{where}: in its row, {error}")
        return []


def _checks(
    record: Record,
    segment: Segment,
    data: SegmentData,
    packed: bytes,
    packets: list[Row],
) -> Iterator[tuple[str, bool]]:
    places = data.places
    bounds = (segment.start_sample, segment.end_sample)
    seqs = (segment.first_seq, segment.last_seq)
    span = segment.span_sample
    signal = places.first_sample[places.has_signal]
    last = int(places.has_signal.nonzero()[0][-1])
    yield "it belongs to another record", data.form == form_of(record)
    yield "its size is not that of its row", len(packed) == segment.size
    yield "its packets are not those of its row", list(rows_of(places)) == packets
    yield "its bounds are not those of its row", places.bounds() == bounds
    yield "its seqs are not those of its row", (places.seq[0], places.seq[-1]) == seqs
    yield (
        "its counts are not those of its row",
        (
            (len(places), len(data.samples))
            == (segment.chunk_count, segment.sample_count)
        ),
    )
    yield (
        "it holds packets of another span",
        all(span_of(record, int(first)) == span for first in (signal[0], signal[-1])),
    )
    yield (
        "it says another time of arrival than its row",
        (moment(int(data.told.received_at_us[last])) == segment.received_at),
    )


def _pyramids(segment: Segment, data: SegmentData, stored: Pyramid) -> Iterator[str]:
    kept = {
        LEVELS[0]: stored,
        LEVELS[1]: unpack_bins(bytes(segment.overview)),
        LEVELS[2]: unpack_bins(bytes(segment.coarse)),
    }
    for size, pyramid in kept.items():
        right = coarser(data.pyramid, size)
        same = (
            pyramid.first == right.first
            and np.array_equal(pyramid.low, right.low)
            and np.array_equal(pyramid.high, right.high)
        )
        if not same:
            yield f"its bins of {size} samples are not those of its signal"


def _hot(
    record: Record, found: Verified, progress: Callable[[int], object]
) -> Iterator[Row]:
    chunks = Chunk.objects.filter(record=record).order_by("seq")
    for chunk in chunks.iterator(chunk_size=500):
        data = bytes(chunk.data)
        where = f"packet {chunk.seq}"
        if zlib.crc32(data) != chunk.crc:
            found.damage.append(f"{where} fails its CRC")
        if len(data) != 2 * chunk.n * len(record.leads):
            found.damage.append(f"{where} is not as long as it says")
        found.chunks += 1
        progress(chunk.n)
        yield chunk.seq, chunk.first_sample, chunk.n, chunk.crc


def _order_of(rows: Sequence[Row]) -> _Order:
    """Return packets as numbers: a year of them is too many for tuples."""
    return np.array([row[:3] for row in rows], np.int64).reshape(-1, 3)


def _whole(record: Record, order: _Order, removed: int, found: Verified) -> None:
    """Check the order of all packets, and what the record says of them."""
    order = order[np.lexsort((order[:, 1], order[:, 0]))]
    seqs = order[:, 0]
    for seq in seqs[1:][np.diff(seqs) == 0]:
        found.damage.append(f"packet {seq} is stored twice")
    signal = order[order[:, 2] > 0]
    ends = np.maximum.accumulate(signal[:, 1] + signal[:, 2])
    for seq in signal[1:, 0][signal[1:, 1] < ends[:-1]]:
        found.damage.append(f"packet {seq} overlaps the one before it")
    end = int(ends[-1]) if len(ends) else 0
    last_seq = int(seqs[-1]) if len(seqs) else -1
    found.samples = int(order[:, 2].sum())
    if found.samples + removed != record.sample_count:
        found.damage.append(
            f"{record.sample_count} samples were stored, {removed} removed, but "
            f"{found.samples} are there"
        )
    if len(signal) and end != record.end_sample:
        found.damage.append(f"it ends at sample {end}, not {record.end_sample}")
    if len(order) and last_seq + 1 != record.next_seq:
        found.damage.append(f"its last packet is {last_seq}, not {record.next_seq - 1}")
