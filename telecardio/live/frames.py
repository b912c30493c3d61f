"""The binary frames of ``/ws/live/``: little-endian, each a multiple of 8 bytes.

One WebSocket message holds one frame or several back to back. Every frame begins
with the same 48 bytes:

====== ====== ==============================================================
offset type   meaning
====== ====== ==============================================================
0      u8     kind: 1 signal, 2 beats
1      u8     version of this layout: 1
2      u16    number of leads (signal), 0 (beats)
4      u32    length of the whole frame in bytes
8      u64    patient id
16     u64    milliseconds of the stream id
24     u32    sequence of the stream id
28     u32    count n: samples per lead, or beats
32     u64    record id
40     i64    received_at: epoch ms at which the server received the packet;
              0 in a frame that was read back from the database
====== ====== ==============================================================

signal: 48 i64 first_sample, 56 i64 epoch ms of first_sample, 64 u32 fs (Hz),
68 i32 baseline (adu), 72 f64 gain (adu/mV), 80 int16 samples, interleaved.

beats: 48 u32 fs (Hz), 52 f32 heart rate per minute (NaN: unknown), 56 i64
sample[n], i64 epoch ms[n], u8 class[n] (index into ``CLASSES``), u8
probability[n] of that class (0..255).
"""

import struct
from dataclasses import dataclass

SIGNAL = 1
BEATS = 2
VERSION = 1

_HEAD = struct.Struct("<BBHIQQIIQq")
_SIGNAL = struct.Struct("<qqIid")
_BEATS = struct.Struct("<If")


@dataclass(frozen=True, order=True)
class StreamId:
    """A Redis stream id; ids of one stream grow with time."""

    ms: int = 0
    seq: int = 0

    @classmethod
    def parse(cls, text: str | bytes) -> "StreamId":
        """Read ``"ms-seq"``; ``ValueError`` for anything else."""
        name = text.decode("ascii") if isinstance(text, bytes) else str(text)
        ms, _, seq = name.partition("-")
        found = cls(int(ms), int(seq or 0))
        if not (0 <= found.ms < 1 << 63 and 0 <= found.seq < 1 << 32):
            message = f"{name!r} is no stream id; send one taken from a frame."
            raise ValueError(message)
        return found

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"


@dataclass(frozen=True)
class Signal:
    """Samples of one packet: ``n`` per lead, int16 interleaved in ``data``."""

    record: int
    first_sample: int
    fs: int
    leads: int
    gain: float
    baseline: int
    at_ms: int
    received_at_ms: int
    data: bytes

    @property
    def n(self) -> int:
        """Samples per lead."""
        return len(self.data) // (2 * self.leads)


@dataclass(frozen=True)
class Beats:
    """Beats whose class became final, as packed little-endian arrays of length n."""

    record: int
    fs: int
    heart_rate_bpm: float
    samples: bytes
    at_ms: bytes
    classes: bytes
    probabilities: bytes
    received_at_ms: int = 0

    @property
    def n(self) -> int:
        """Number of beats."""
        return len(self.classes)


def pack_signal(patient: int, stream_id: StreamId, signal: Signal) -> bytes:
    """Return the signal frame described above."""
    body = _SIGNAL.pack(
        signal.first_sample, signal.at_ms, signal.fs, signal.baseline, signal.gain
    )
    return _framed(
        SIGNAL,
        signal.leads,
        patient,
        stream_id,
        signal.n,
        signal.record,
        signal.received_at_ms,
        body + signal.data[: signal.n * signal.leads * 2],
    )


def pack_beats(patient: int, stream_id: StreamId, beats: Beats) -> bytes:
    """Return the beats frame described above."""
    body = (
        _BEATS.pack(beats.fs, beats.heart_rate_bpm)
        + beats.samples
        + beats.at_ms
        + beats.classes
        + beats.probabilities
    )
    return _framed(
        BEATS,
        0,
        patient,
        stream_id,
        beats.n,
        beats.record,
        beats.received_at_ms,
        body,
    )


def _framed(
    kind: int,
    leads: int,
    patient: int,
    stream_id: StreamId,
    n: int,
    record: int,
    received_at_ms: int,
    body: bytes,
) -> bytes:
    # A browser may lay typed arrays over the message only at aligned offsets.
    padding = -(_HEAD.size + len(body)) % 8
    length = _HEAD.size + len(body) + padding
    head = _HEAD.pack(
        kind,
        VERSION,
        leads,
        length,
        patient,
        stream_id.ms,
        stream_id.seq,
        n,
        record,
        received_at_ms,
    )
    return head + body + bytes(padding)
