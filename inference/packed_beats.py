"""The arrays of a block of beats in an eighth of their bytes. Pure.

All but the probabilities come back bit for bit; those are kept to 1/65,535, which is
less than the last digit that anybody is shown.
"""

import struct
import zlib
from collections.abc import Mapping

import numpy as np

from devices.segments.columns import pack_columns, unpack_columns
from devices.segments.errors import DamagedSegment, reading

CLASSES = 5
# Version, beats, bytes of the columns; the quality of each second follows.
_HEAD = struct.Struct("<BII")
_VERSION = 1
_ONE = 65_535

Arrays = Mapping[str, bytes]


def pack_beats(arrays: Arrays) -> bytes:
    """Return the arrays of a ``BeatBlock`` packed; see there for what they are."""
    samples = np.frombuffer(arrays["samples"], "<i8").astype(np.int64)
    rr_bits = np.frombuffer(arrays["rr_ms"], "<i4").astype(np.int64)
    chances = np.frombuffer(arrays["probabilities"], "<f4").reshape(-1, CLASSES)
    parts = np.rint(chances.astype(np.float64) * _ONE).astype(np.int64)
    # They add up to one, so the last column is almost nothing.
    parts[:, 0] = parts.sum(axis=1) - _ONE
    columns = pack_columns(
        [
            samples,
            np.frombuffer(arrays["classes"], "u1").astype(np.int64),
            rr_bits,
            *parts.T,
        ]
    )
    head = _HEAD.pack(_VERSION, len(samples), len(columns))
    return head + columns + zlib.compress(arrays["quality"], 9)


def unpack_beats(data: bytes) -> dict[str, bytes]:
    """Return the arrays by name, or raise ``DamagedSegment``."""
    with reading("block of beats"):
        version, count, size = _HEAD.unpack_from(data, 0)
        if version != _VERSION:
            raise DamagedSegment(f"beats are packed in version {version}")
        end = _HEAD.size + size
        samples, classes, rr_bits, *parts = unpack_columns(
            data[_HEAD.size : end], count=3 + CLASSES, length=count
        )
        quality = zlib.decompress(data[end:])
    whole = np.stack(parts, axis=1)
    whole[:, 0] += _ONE - whole[:, 1:].sum(axis=1)
    return {
        "samples": samples.astype("<i8").tobytes(),
        "classes": classes.astype("u1").tobytes(),
        "probabilities": (whole / _ONE).astype("<f4").tobytes(),
        "rr_ms": rr_bits.astype("<i4").tobytes(),
        "quality": quality,
    }
