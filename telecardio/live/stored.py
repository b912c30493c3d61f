"""The last seconds of live signal and beats, read back from PostgreSQL.

Used where the Redis Stream does not reach: an id older than the stream, a stream
that was lost, or Redis being away.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np

from devices.models import Chunk, Record
from inference.models import BeatBlock
from telecardio.live.frames import Beats, Signal, StreamId, pack_beats, pack_signal
from telecardio.live.viewer import Entry

# The same rule as for the stream: a backlog is never drawn as live.
LIVE_S = 30


def stored_entries(
    patient_ids: Iterable[int], *, start: datetime, end: datetime
) -> list[tuple[str, Entry]]:
    """Return what was stored in ``(start, end]``, oldest first.

    Each entry comes with a key that names its row, so that a caller who asks
    again for overlapping spans can tell what is new. Its stream id is the time of
    storing; entries of the stream itself that follow have a greater id.
    """
    records = (
        Record.objects.filter(
            patient_id__in=list(patient_ids),
            source=Record.Source.DEVICE,
            last_received_at__gt=start,
        )
        .prefetch_related("anchors")
        .order_by("pk")
    )
    found: list[tuple[str, Entry]] = []
    for record in records:
        found += _signals(record, start, end)
        found += _beats(record, start, end)
    found.sort(key=lambda item: item[1].stream_id)
    return found


def _signals(
    record: Record, start: datetime, end: datetime
) -> Iterable[tuple[str, Entry]]:
    span = (end - start).total_seconds() + 2 * LIVE_S
    # The index is on (record, first_sample), so bound the samples too.
    chunks = Chunk.objects.filter(
        record=record,
        n__gt=0,
        received_at__gt=start,
        received_at__lte=end,
        first_sample__gte=record.end_sample - span * record.fs,
    ).order_by("first_sample")
    for chunk in chunks:
        at = record.time_of(chunk.first_sample)
        if chunk.received_at - at > timedelta(seconds=LIVE_S + chunk.n / record.fs):
            continue
        signal = Signal(
            record=record.pk,
            first_sample=chunk.first_sample,
            fs=record.fs,
            leads=len(record.leads),
            gain=record.gain,
            baseline=record.baseline,
            at_ms=epoch_ms(at),
            # A frame read back says nothing about the latency of the live way.
            received_at_ms=0,
            data=bytes(chunk.data),
        )
        patient, stream_id = _patient(record), StreamId(epoch_ms(chunk.received_at))
        entry = Entry(patient, stream_id, pack_signal(patient, stream_id, signal))
        yield f"chunk {chunk.pk}", entry


def _beats(
    record: Record, start: datetime, end: datetime
) -> Iterable[tuple[str, Entry]]:
    blocks = BeatBlock.objects.filter(
        record=record,
        count__gt=0,
        created_at__gt=start,
        created_at__lte=end,
        packed=None,
    ).filter(last_beat_sample__gte=record.end_sample - 4 * LIVE_S * record.fs)
    for block in blocks:
        samples = np.frombuffer(block.samples, dtype="<i8")
        chances = np.frombuffer(block.probabilities, dtype="<f4").reshape(-1, 5)
        at_ms = [epoch_ms(record.time_of(int(sample))) for sample in samples]
        beats = Beats(
            record=record.pk,
            fs=record.fs,
            heart_rate_bpm=_or_nan(block.heart_rate_bpm),
            samples=bytes(block.samples),
            at_ms=np.array(at_ms, dtype="<i8").tobytes(),
            classes=bytes(block.classes),
            probabilities=np.round(255 * chances.max(axis=1)).astype("u1").tobytes(),
        )
        patient, stream_id = _patient(record), StreamId(epoch_ms(block.created_at))
        entry = Entry(patient, stream_id, pack_beats(patient, stream_id, beats))
        yield f"block {block.pk} {block.created_at.timestamp()}", entry


def epoch_ms(at: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime."""
    return round(at.timestamp() * 1000)


def from_epoch_ms(ms: float) -> datetime:
    """Return the aware datetime of an epoch time in milliseconds."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC)


def _patient(record: Record) -> int:
    if record.patient_id is None:
        message = "A record without a patient is never live; filter it out."
        raise ValueError(message)
    return record.patient_id


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
