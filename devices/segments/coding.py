"""A segment as bytes: head, list of sections, sections, SHA-256 of all before it."""

import hashlib
import struct

import numpy as np

from devices.segments.errors import DamagedSegment, reading
from devices.segments.flac import pack_int16, unpack_int16
from devices.segments.form import Form
from devices.segments.places import Places, pack_places, unpack_places
from devices.segments.pyramid import LEVELS, Pyramid
from devices.segments.segment_data import SegmentData
from devices.segments.told import pack_told, unpack_told

MAGIC = b"TCSG"
VERSION = 1
# Magic, version, sections; then of each section its name, offset and length.
_HEAD = struct.Struct("<4sHH")
_SECTION = struct.Struct("<8sII")
# First bin, bins.
_BINS = struct.Struct("<qI")
_HASH_SIZE = hashlib.sha256().digest_size


def encode_segment(segment: SegmentData) -> bytes:
    """Return the bytes of a segment; their last 32 are the SHA-256 of the others."""
    parts = {
        "form": segment.form.to_bytes(),
        "places": pack_places(segment.places),
        "told": pack_told(segment.told),
    }
    for lead in range(len(segment.form.leads)):
        parts[f"signal{lead}"] = pack_int16(segment.samples[:, lead : lead + 1])
    pyramid = segment.pyramid
    for lead in range(len(segment.form.leads)):
        both = np.stack([pyramid.low[:, lead], pyramid.high[:, lead]], axis=1)
        parts[f"bins{lead}"] = _BINS.pack(pyramid.first, len(pyramid)) + pack_int16(
            both
        )
    offset = _HEAD.size + _SECTION.size * len(parts)
    head = [_HEAD.pack(MAGIC, VERSION, len(parts))]
    for name, data in parts.items():
        head.append(_SECTION.pack(name.encode(), offset, len(data)))
        offset += len(data)
    body = b"".join([*head, *parts.values()])
    return body + hashlib.sha256(body).digest()


def decode_segment(data: bytes, *, sha256: bytes | None = None) -> SegmentData:
    """Return the segment, or raise ``DamagedSegment``.

    ``sha256`` is the hash that it should have, if that is known from elsewhere.
    """
    parts = _sections(data, sha256)
    form = Form.from_bytes(_part(parts, "form"))
    places = unpack_places(_part(parts, "places"))
    told = unpack_told(_part(parts, "told"))
    if len(told.flags) != len(places):
        raise DamagedSegment("packets' columns are not as long as their list")
    shape = (_total(places), 1)
    leads = [
        unpack_int16(_part(parts, f"signal{lead}"), shape=shape)
        for lead in range(len(form.leads))
    ]
    return SegmentData(form, places, told, np.concatenate(leads, axis=1))


def decode_pyramid(data: bytes, *, sha256: bytes | None = None) -> Pyramid:
    """Return the finest level of a segment's bins, or raise ``DamagedSegment``."""
    parts = _sections(data, sha256)
    form = Form.from_bytes(_part(parts, "form"))
    first = 0
    lows, highs = [], []
    for lead in range(len(form.leads)):
        part = _part(parts, f"bins{lead}")
        with reading("pyramid"):
            first, count = _BINS.unpack_from(part, 0)
        both = unpack_int16(part[_BINS.size :], shape=(count, 2))
        lows.append(both[:, 0])
        highs.append(both[:, 1])
    return Pyramid(LEVELS[0], first, np.stack(lows, axis=1), np.stack(highs, axis=1))


def _sections(data: bytes, sha256: bytes | None) -> dict[str, bytes]:
    """Check head and hash, and cut the rest into its sections."""
    if len(data) < _HEAD.size + _HASH_SIZE:
        raise DamagedSegment(f"{len(data)} bytes are too few for a segment")
    magic, version, count = _HEAD.unpack_from(data, 0)
    if magic != MAGIC:
        raise DamagedSegment(f"it begins with {magic!r}: this is no segment")
    if version != VERSION:
        raise DamagedSegment(f"version {version} is not known here, only {VERSION}")
    body, found = data[:-_HASH_SIZE], data[-_HASH_SIZE:]
    if hashlib.sha256(body).digest() != found:
        raise DamagedSegment("its SHA-256 is not that of its bytes")
    if sha256 is not None and found != sha256:
        raise DamagedSegment("it is another segment than its row says (SHA-256)")
    parts = {}
    with reading("list of sections"):
        for k in range(count):
            place = _HEAD.size + k * _SECTION.size
            name, offset, size = _SECTION.unpack_from(body, place)
            if offset + size > len(body):
                raise DamagedSegment("a section reaches beyond the end")
            parts[name.rstrip(b"\0").decode("ascii")] = body[offset : offset + size]
    return parts


def _part(parts: dict[str, bytes], name: str) -> bytes:
    if name not in parts:
        raise DamagedSegment(f"it has no section {name!r}")
    return parts[name]


def _total(places: Places) -> int:
    """Return the samples per lead; the places must be in order and not overlap."""
    first, n = places.first_sample[places.has_signal], places.n[places.has_signal]
    in_order = (np.diff(places.seq) > 0).all() and (places.n >= 0).all()
    if not len(first) or not in_order or (first[1:] < first[:-1] + n[:-1]).any():
        raise DamagedSegment("its packets are not in order or overlap")
    return int(places.n.sum())
