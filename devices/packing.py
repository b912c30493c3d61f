"""Between rows and segments: chunks become a segment, and come out of one again."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from devices.models import SEGMENT_S, Chunk, Record
from devices.segments import Form, Places, SegmentData, Told
from devices.segments.columns import Column
from devices.segments.places import UNKNOWN

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def span_of(record: Record, sample: int) -> int:
    """Return the first sample of the span that holds a sample."""
    size = SEGMENT_S * record.fs
    return sample // size * size


def form_of(record: Record) -> Form:
    """Return what is constant in a record, as its segments repeat it."""
    return Form(
        record=record.pk,
        fs=record.fs,
        leads=tuple(record.leads),
        gain=record.gain,
        baseline=record.baseline,
        no_sample=record.source == Record.Source.FILE,
    )


def pack_chunks(record: Record, chunks: Sequence[Chunk]) -> SegmentData:
    """Return chunks, at least one of them with signal, as one segment."""
    chunks = sorted(chunks, key=lambda chunk: chunk.seq)
    samples = b"".join(bytes(chunk.data) for chunk in chunks)
    places = Places(
        seq=_column(chunk.seq for chunk in chunks),
        first_sample=_column(chunk.first_sample for chunk in chunks),
        n=_column(chunk.n for chunk in chunks),
        crc=_column(chunk.crc for chunk in chunks),
        at_us=_column(_microseconds(chunk.at) for chunk in chunks),
    )
    told = Told(
        mono_ms=_column(
            UNKNOWN if chunk.mono_ms is None else chunk.mono_ms for chunk in chunks
        ),
        lost_before=_column(chunk.lost_before for chunk in chunks),
        marker=np.array([chunk.marker for chunk in chunks], np.bool_),
        received_at_us=_column(_microseconds(chunk.received_at) for chunk in chunks),
        flags=tuple(tuple(chunk.flags) for chunk in chunks),
    )
    interleaved = np.frombuffer(samples, "<i2").astype(np.int16)
    return SegmentData(
        form_of(record), places, told, interleaved.reshape(-1, len(record.leads))
    )


def unpack_chunks(record: Record, data: SegmentData) -> list[Chunk]:
    """Return the chunks of a segment, as they were, but for their primary keys."""
    places, told = data.places, data.told
    plain = data.samples.astype("<i2").tobytes()
    ends = (np.cumsum(places.n) * 2 * len(data.form.leads)).tolist()
    starts = [0, *ends[:-1]]
    return [
        Chunk(
            record=record,
            seq=int(places.seq[row]),
            first_sample=int(places.first_sample[row]),
            n=int(places.n[row]),
            crc=int(places.crc[row]),
            data=plain[starts[row] : ends[row]],
            at=known_moment(int(places.at_us[row])),
            mono_ms=_known(int(told.mono_ms[row])),
            flags=list(told.flags[row]),
            lost_before=int(told.lost_before[row]),
            marker=bool(told.marker[row]),
            received_at=moment(int(told.received_at_us[row])),
        )
        for row in range(len(places))
    ]


def moment(us: int) -> datetime:
    """Return the time so many microseconds after 1970."""
    return _EPOCH + us * _US


def known_moment(us: int) -> datetime | None:
    """Return the time, or None for what no clock said."""
    return None if us == UNKNOWN else moment(us)


def _known(value: int) -> int | None:
    return None if value == UNKNOWN else value


def _microseconds(at: datetime | None) -> int:
    return UNKNOWN if at is None else (at - _EPOCH) // _US


def _column(values: Iterable[int]) -> Column:
    return np.fromiter(values, np.int64)
