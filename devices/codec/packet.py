"""A decoded packet."""

import zlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

# More than this in one request is refused like a body that is too large.
MAX_PACKETS = 1000
_LITTLE_ENDIAN = np.dtype("<i2")


@dataclass(frozen=True)
class Status:
    """What the device says of itself; None is unknown."""

    battery_percent: int | None = None
    rssi_dbm: int | None = None
    firmware: str | None = None
    backlog: int | None = None


@dataclass(frozen=True)
class Packet:
    """One valid packet, whatever format it came in.

    ``samples`` is int16[n * leads], interleaved (sample-major), empty in a
    heartbeat; ``first_sample`` counts per lead from the start of the stream.
    """

    stream: str
    seq: int
    first_sample: int
    fs: int
    leads: tuple[str, ...]
    gain: float
    baseline: int
    samples: NDArray[np.int16]
    at: datetime | None = None
    mono_ms: int | None = None
    flags: tuple[str, ...] = ()
    lost_before: int = 0
    marker: bool = False
    status: Status | None = None

    @property
    def n(self) -> int:
        """Samples per lead."""
        return self.samples.size // len(self.leads)

    @property
    def end_sample(self) -> int:
        """The sample after the last one."""
        return self.first_sample + self.n

    @property
    def duration_s(self) -> float:
        """Length of the signal; 0 for a heartbeat."""
        return self.n / self.fs

    @cached_property
    def data(self) -> bytes:
        """The samples as little-endian int16."""
        return self.samples.astype(_LITTLE_ENDIAN, copy=False).tobytes()

    @cached_property
    def crc(self) -> int:
        """CRC-32 of ``data``, by which a repeated packet is recognised."""
        return zlib.crc32(self.data)


@dataclass(frozen=True)
class InvalidPacket:
    """A packet that cannot be used; ``seq`` is None if not even that is legible."""

    seq: int | None
    field: str
    code: str
    reason: str


@dataclass(frozen=True)
class Decoded:
    """What a body holds, in its order; ``stream`` is None if no packet names one."""

    stream: str | None
    items: tuple[Packet | InvalidPacket, ...] = field(default=())

    @property
    def packets(self) -> list[Packet]:
        """The valid packets, in their order."""
        return [item for item in self.items if isinstance(item, Packet)]
