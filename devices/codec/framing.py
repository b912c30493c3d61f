"""Where binary packets begin and end in a body, whatever their version.

The bytes read here mean the same in every version of the format, so a server can
answer for a packet that it cannot read::

    0  magic          4  version        6  header_bytes   8  packet_bytes
   12  seq           16  stream         header_bytes - 4  CRC-32 of the header

A packet begins where a header with a good CRC does, and ends where it says, unless
the next one begins before that: then it was cut short. So damage never reaches the
next packet, and every byte is looked at once, whatever lengths a body claims.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

MAGIC = b"\x89TCP"
CRC_BYTES = 4
SHORTEST_HEADER, LONGEST_HEADER = 28, 1024
_FRAME = struct.Struct("<4xBxHII8s")


class Frame(NamedTuple):
    """One packet: the body's bytes ``start`` to ``end``.

    ``told_end`` is where the packet itself says it ends; it is whole only if
    that is its ``end``.
    """

    start: int
    payload_at: int
    told_end: int
    end: int
    version: int
    seq: int
    stream: str


class Lost(NamedTuple):
    """Bytes of the body, ``start`` to ``end``, that belong to no readable packet."""

    start: int
    end: int


def split(body: bytes) -> Iterator[Frame | Lost]:
    """Yield the packets of a body and what is lost between them, in order."""
    reached = 0
    here = _next_frame(body, 0)
    while here is not None:
        if here.start > reached:
            yield Lost(reached, here.start)
        after = _next_frame(body, here.payload_at)
        limit = len(body) if after is None else after.start
        reached = min(max(here.told_end, here.payload_at), limit)
        yield here if reached == here.end else here._replace(end=reached)
        here = after
    if reached < len(body):
        yield Lost(reached, len(body))


def sealed(header: bytes) -> bytes:
    """Return a header with the CRC that ends it."""
    return header + crc32(header).to_bytes(CRC_BYTES, "little")


def _next_frame(body: bytes, at: int) -> Frame | None:
    last = len(body) - SHORTEST_HEADER
    while 0 <= (at := body.find(MAGIC, at)) <= last:
        version, header_bytes, packet_bytes, seq, stream = _FRAME.unpack_from(body, at)
        end = at + header_bytes
        if SHORTEST_HEADER <= header_bytes <= LONGEST_HEADER and end <= len(body):
            crc_at = end - CRC_BYTES
            if crc32(body[at:crc_at]) == int.from_bytes(body[crc_at:end], "little"):
                told_end = at + packet_bytes
                return Frame(at, end, told_end, told_end, version, seq, stream.hex())
        at += len(MAGIC)
    return None
