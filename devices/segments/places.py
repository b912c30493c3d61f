"""Which packets lie in a segment: all that tells a repeated packet from a new one."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.segments.columns import Column, pack_columns, unpack_columns
from devices.segments.errors import reading

# Stands for "unknown" in a column; no clock of a device says this.
UNKNOWN = np.iinfo(np.int64).min
_COUNT = struct.Struct("<I")


@dataclass(frozen=True, eq=False)
class Places:
    """Columns int64[chunks] in the order of ``seq``.

    ``n`` samples per lead begin at ``first_sample``; ``crc`` is the CRC-32 of their
    bytes; ``at_us`` is what the device's clock said, in microseconds since 1970, or
    ``UNKNOWN``. A heartbeat has an ``n`` of 0.
    """

    seq: Column
    first_sample: Column
    n: Column
    crc: Column
    at_us: Column

    def __len__(self) -> int:
        return len(self.seq)

    @property
    def has_signal(self) -> NDArray[np.bool_]:
        """Which of them are no heartbeats."""
        return self.n > 0

    def bounds(self) -> tuple[int, int]:
        """Return the first sample and the one after the last."""
        first, n = self.first_sample[self.has_signal], self.n[self.has_signal]
        return int(first[0]), int(first[-1] + n[-1])

    def positions(self) -> Column:
        """Return int64[samples]: where in the record each sample lies."""
        before = np.cumsum(self.n) - self.n
        return np.repeat(self.first_sample - before, self.n) + np.arange(self.n.sum())

    def runs(self) -> list[tuple[int, int, int]]:
        """Return ``(first_sample, n, row)`` of stretches without a gap.

        ``row`` counts the samples before.
        """
        first, n = self.first_sample[self.has_signal], self.n[self.has_signal]
        begins = np.concatenate(([True], first[1:] != first[:-1] + n[:-1]))
        starts = np.flatnonzero(begins)
        rows = (np.cumsum(n) - n)[starts]
        sizes = np.diff(np.concatenate((rows, [n.sum()])))
        return list(
            zip(first[starts].tolist(), sizes.tolist(), rows.tolist(), strict=True)
        )


def pack_places(places: Places) -> bytes:
    """Return the places as bytes that say themselves how many they are."""
    known = places.at_us != UNKNOWN
    even = pack_columns(
        [
            places.seq,
            places.first_sample,
            places.n,
            places.crc,
            known.astype(np.int64),
        ]
    )
    times = pack_columns([places.at_us[known]])
    return _COUNT.pack(len(places)) + _COUNT.pack(len(even)) + even + times


def unpack_places(data: bytes) -> Places:
    """Return what ``pack_places`` wrote, or raise ``DamagedSegment``."""
    with reading("list of packets"):
        (count,) = _COUNT.unpack_from(data, 0)
        (size,) = _COUNT.unpack_from(data, 4)
        seq, first_sample, n, crc, known = unpack_columns(
            data[8 : 8 + size], count=5, length=count
        )
        at_us = np.full(count, UNKNOWN)
        is_known = known.astype(np.bool_)
        [at_us[is_known]] = unpack_columns(
            data[8 + size :], count=1, length=int(is_known.sum())
        )
    return Places(seq, first_sample, n, crc, at_us)
