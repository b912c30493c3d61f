"""Read what is in segments: whole ones, of which a few are kept, and their places."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from threading import Lock
from typing import TypeVar

from django.db.models import QuerySet

from devices.metrics import DAMAGED_READS
from devices.models import SEGMENT_S, Record, Segment
from devices.segment_files import read_segment
from devices.segments import (
    DamagedSegment,
    Pyramid,
    SegmentData,
    decode_pyramid,
    decode_segment,
)

logger = logging.getLogger(__name__)

# Half-open ranges of samples that are stored and cannot be read.
Damaged = list[tuple[int, int]]
_Part = TypeVar("_Part")


class DamagedSpan(DamagedSegment):
    """Raised for a segment whose bytes will never be right again; says where."""

    def __init__(self, segment: Segment, error: DamagedSegment) -> None:
        super().__init__(f"{_name(segment)}: {error}")
        self.start_sample, self.end_sample = segment.start_sample, segment.end_sample


class MissingSpan(DamagedSpan):
    """Raised for a segment whose file is not there; somebody may bring it back."""


# The longest packet: one that reaches into a span starts at most this before it.
MAX_CHUNK_S = 30
# Of one lead at 250 Hz some 150 kB each.
_KEPT_BYTES = 16 << 20


class _Kept:
    """The segments that were read last; a file never changes, so none gets stale."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._data: OrderedDict[str, SegmentData] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> SegmentData | None:
        with self._lock:
            data = self._data.get(key)
            if data is not None:
                self._data.move_to_end(key)
            return data

    def put(self, key: str, data: SegmentData) -> None:
        # Whoever reads it next wants it as it is.
        data.samples.flags.writeable = False
        with self._lock:
            if key in self._data:
                return
            self._data[key] = data
            self._bytes += data.samples.nbytes
            while self._bytes > _KEPT_BYTES and len(self._data) > 1:
                _, oldest = self._data.popitem(last=False)
                self._bytes -= oldest.samples.nbytes

    def clear(self) -> None:
        with self._lock:
            self._data.clear()
            self._bytes = 0


kept_segments = _Kept()


def segments_touching(record: Record, start: int, end: int) -> QuerySet[Segment]:
    """Return the segments with samples in ``[start, end)``, in order."""
    reach = (SEGMENT_S + MAX_CHUNK_S) * record.fs
    # The reach is for the index; of the segments within it, some end before the start.
    return Segment.objects.filter(
        record=record,
        span_sample__lt=end,
        span_sample__gt=start - reach,
        start_sample__lt=end,
        end_sample__gt=start,
    ).order_by("span_sample")


def segment_data(segment: Segment) -> SegmentData:
    """Return what a segment holds.

    Raises ``DamagedSegment``, which names record and file, or ``FileNotFoundError``:
    the segment may have been written anew since its row was read.
    """
    known = kept_segments.get(segment.key)
    if known is not None:
        return known
    data = read_segment(segment.key)
    try:
        found = decode_segment(data, sha256=bytes(segment.sha256))
    except DamagedSegment as error:
        raise DamagedSpan(segment, error) from error
    kept_segments.put(segment.key, found)
    return found


def segment_pyramid(segment: Segment) -> Pyramid:
    """Return the finest bins of a segment; raises as ``segment_data`` does."""
    known = kept_segments.get(segment.key)
    if known is not None:
        return known.pyramid
    data = read_segment(segment.key)
    try:
        return decode_pyramid(data, sha256=bytes(segment.sha256))
    except DamagedSegment as error:
        raise DamagedSpan(segment, error) from error


def segments_data(
    record: Record, start: int, end: int, *, damaged: Damaged | None = None
) -> Iterator[SegmentData]:
    """Return what the segments with samples in ``[start, end)`` hold, in order.

    A damaged one raises ``DamagedSegment``; with ``damaged`` it is left out, logged as
    an error, and what it lacks of the range is added there.
    """
    return _parts(record, start, end, segment_data, damaged)


def segments_pyramids(
    record: Record, start: int, end: int, *, damaged: Damaged
) -> Iterator[Pyramid]:
    """Return the finest bins of these segments; a damaged one as above."""
    return _parts(record, start, end, segment_pyramid, damaged)


def _parts(
    record: Record,
    start: int,
    end: int,
    read: Callable[[Segment], _Part],
    damaged: Damaged | None,
) -> Iterator[_Part]:
    for segment in segments_touching(record, start, end).defer(*_LARGE):
        try:
            found = _read(segment, read)
        # A disk that fails and a store that is away say so with another OSError.
        except (DamagedSegment, OSError) as error:
            if damaged is None:
                raise
            _note_damage(segment, error)
            low, high = max(segment.start_sample, start), min(segment.end_sample, end)
            damaged.append((low, high))
            continue
        if found is not None:
            yield found


def _note_damage(segment: Segment, error: Exception) -> None:
    """Log what of a record cannot be shown; ``DamagedSegment`` says which already."""
    DAMAGED_READS.inc()
    where = "" if isinstance(error, DamagedSegment) else f"{_name(segment)}: "
    logger.error("Stored signal cannot be read. %s%s", where, error)


def _read(segment: Segment, read: Callable[[Segment], _Part]) -> _Part | None:
    """Read a segment; if its file is gone, the one that took its place, if any."""
    try:
        return read(segment)
    except FileNotFoundError as error:
        missing = MissingSpan(segment, DamagedSegment("its file is missing"))
        missing.__cause__ = error
        now = Segment.objects.filter(
            record_id=segment.record_id, span_sample=segment.span_sample
        ).first()
    if now is None:
        return None
    if now.key == segment.key:
        raise missing
    return read(now)


def _name(segment: Segment) -> str:
    start, end = segment.start_sample, segment.end_sample
    return f"Record {segment.record_id}, samples {start} to {end}, file {segment.key}"


_LARGE = ("places", "overview", "coarse")
