"""The format of one segment: some minutes of a record, packed. Pure."""

from devices.segments.bins import pack_bins, unpack_bins
from devices.segments.coding import decode_pyramid, decode_segment, encode_segment
from devices.segments.errors import DamagedSegment
from devices.segments.form import Form
from devices.segments.places import Places, pack_places, unpack_places
from devices.segments.pyramid import (
    LEVELS,
    Pyramid,
    coarser,
    empty_pyramid,
    pyramid_of,
)
from devices.segments.segment_data import SegmentData
from devices.segments.told import Told

__all__ = [
    "LEVELS",
    "DamagedSegment",
    "Form",
    "Places",
    "Pyramid",
    "SegmentData",
    "Told",
    "coarser",
    "decode_pyramid",
    "decode_segment",
    "empty_pyramid",
    "encode_segment",
    "pack_bins",
    "pack_places",
    "pyramid_of",
    "unpack_bins",
    "unpack_places",
]
