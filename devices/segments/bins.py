"""A level of the pyramid in few bytes, for the row of a segment."""

import struct

import numpy as np

from devices.segments.columns import pack_columns, unpack_columns
from devices.segments.errors import believable, reading
from devices.segments.pyramid import Pyramid

# Samples per bin, leads, first bin, bins.
_HEAD = struct.Struct("<IIqI")


def pack_bins(pyramid: Pyramid) -> bytes:
    """Return lows, and how far the highs lie above them, lead by lead."""
    low, high = pyramid.low.astype(np.int64), pyramid.high.astype(np.int64)
    leads = low.shape[1]
    columns = [low[:, k] for k in range(leads)]
    columns += [high[:, k] - low[:, k] for k in range(leads)]
    head = _HEAD.pack(pyramid.size, leads, pyramid.first, len(pyramid))
    return head + pack_columns(columns)


def unpack_bins(data: bytes) -> Pyramid:
    """Return what ``pack_bins`` wrote, or raise ``DamagedSegment``."""
    with reading("overview"):
        size, leads, first, count = _HEAD.unpack_from(data, 0)
        believable(leads * count, "bins")
        columns = unpack_columns(data[_HEAD.size :], count=2 * leads, length=count)
        low = np.stack(columns[:leads], axis=1)
        high = low + np.stack(columns[leads:], axis=1)
        return Pyramid(size, first, low.astype(np.int16), high.astype(np.int16))
