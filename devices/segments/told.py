"""What else the packets of a segment told, beside samples and place."""

import json
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.segments.columns import Column, pack_columns, unpack_columns
from devices.segments.errors import reading
from devices.segments.places import UNKNOWN

_SIZES = struct.Struct("<III")


@dataclass(frozen=True, eq=False)
class Told:
    """Columns [chunks], in the order of the places.

    ``mono_ms`` may be ``UNKNOWN``; ``received_at_us`` counts microseconds since 1970.
    """

    mono_ms: Column
    lost_before: Column
    marker: NDArray[np.bool_]
    received_at_us: Column
    flags: tuple[tuple[str, ...], ...]


def pack_told(told: Told) -> bytes:
    """Return the columns as bytes; flags by number of a list of what occurs."""
    sets = list(dict.fromkeys(told.flags))
    known = told.mono_ms != UNKNOWN
    even = pack_columns(
        [
            known.astype(np.int64),
            told.lost_before,
            told.marker.astype(np.int64),
            told.received_at_us,
            np.array([sets.index(one) for one in told.flags], np.int64),
        ]
    )
    counts = pack_columns([told.mono_ms[known]])
    names = json.dumps(sets, separators=(",", ":")).encode()
    head = _SIZES.pack(len(told.flags), len(even), len(counts))
    return head + even + counts + names


def unpack_told(data: bytes) -> Told:
    """Return what ``pack_told`` wrote, or raise ``DamagedSegment``."""
    with reading("packets' columns"):
        count, size, counts = _SIZES.unpack_from(data, 0)
        middle = _SIZES.size + size
        is_known, lost_before, marker, received_at_us, flags = unpack_columns(
            data[_SIZES.size : middle], count=5, length=count
        )
        known = is_known.astype(np.bool_)
        mono_ms = np.full(count, UNKNOWN)
        [mono_ms[known]] = unpack_columns(
            data[middle : middle + counts], count=1, length=int(known.sum())
        )
        sets = [tuple(one) for one in json.loads(data[middle + counts :])]
        return Told(
            mono_ms,
            lost_before,
            marker.astype(np.bool_),
            received_at_us,
            tuple(sets[index] for index in flags.tolist()),
        )
