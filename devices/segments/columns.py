"""Columns of integers in few bytes: what runs on evenly costs almost nothing."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from devices.segments.errors import DamagedSegment, believable, reading

Column = NDArray[np.int64]

# Differences, bytes per value, lowest value, step.
_HEAD = struct.Struct("<BBqq")
_INT64 = np.dtype("<i8")
_MOST_DIFFERENCES = 2


def pack_columns(columns: Sequence[Column]) -> bytes:
    """Return columns int64[n] of one length as bytes, compressed.

    Each is differenced up to twice, whichever is shortest; of the rest the lowest is
    taken off and the common step divided out, and its bytes are stored place by place.
    """
    return zlib.compress(b"".join(_shortest(column) for column in columns), 9)


def unpack_columns(data: bytes, *, count: int, length: int) -> list[Column]:
    """Return ``count`` columns int64[length], or raise ``DamagedSegment``."""
    believable(length, "packets")
    with reading("column"):
        most = count * (_HEAD.size + (_MOST_DIFFERENCES + length) * _INT64.itemsize)
        plain = zlib.decompressobj().decompress(data, most)
        columns, offset = [], 0
        for _ in range(count):
            column, offset = _unpack(plain, offset, length)
            columns.append(column)
    if offset != len(plain):
        raise DamagedSegment(f"{len(plain) - offset} bytes follow the last column")
    return columns


def _shortest(column: Column) -> bytes:
    most = min(_MOST_DIFFERENCES, max(len(column) - 1, 0))
    coded = [_pack(column, order) for order in range(most + 1)]
    return min(coded, key=lambda part: len(zlib.compress(part, 6)))


def _pack(column: Column, order: int) -> bytes:
    # Differences of wild values overflow, and sums of them overflow back.
    heads = [int(np.diff(column, n=k)[0]) for k in range(order)]
    rest = np.diff(column, n=order).astype(np.int64)
    low = int(rest.min(initial=0)) if not len(rest) else int(rest.min())
    above = (rest - np.int64(low)).view(np.uint64)
    step = int(np.gcd.reduce(above)) if len(above) else 0
    step = step if 0 < step < 2**63 else 1
    above = above // np.uint64(step)
    width = (int(above.max(initial=0)).bit_length() + 7) // 8
    planes = above.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width]
    head = _HEAD.pack(order, width, low, step)
    return head + np.array(heads, _INT64).tobytes() + planes.T.tobytes()


def _unpack(plain: bytes, offset: int, length: int) -> tuple[Column, int]:
    order, width, low, step = _HEAD.unpack_from(plain, offset)
    if order > _MOST_DIFFERENCES or order > length or width > 8:
        raise DamagedSegment("a column has a head that none can have")
    offset += _HEAD.size
    heads = np.frombuffer(plain, _INT64, order, offset)
    offset += heads.nbytes
    size = length - order
    planes = np.frombuffer(plain, np.uint8, width * size, offset)
    offset += planes.nbytes
    wide = np.zeros((size, 8), np.uint8)
    wide[:, :width] = planes.reshape(width, size).T
    above = wide.view("<u8")[:, 0].astype(np.uint64) * np.uint64(step)
    column = above.view(np.int64) + np.int64(low)
    for head in heads[::-1]:
        column = np.cumsum(np.concatenate([head[None], column]), dtype=np.int64)
    return column, offset
