"""From the body of a request to packets: pure, no Django.

Each wire format is one module that gives a :class:`Decoded`; what holds for every
format is checked in :mod:`devices.codec.packet_fields`.
"""

from devices.codec.binary import decode_binary, encode_binary
from devices.codec.errors import BodyError, PacketError
from devices.codec.formats import BINARY_TYPE, DECODERS, JSON_TYPE
from devices.codec.json_body import decode_json
from devices.codec.packet import MAX_PACKETS, Decoded, InvalidPacket, Packet, Status
from devices.codec.sample_coding import Coding

__all__ = [
    "BINARY_TYPE",
    "DECODERS",
    "JSON_TYPE",
    "MAX_PACKETS",
    "BodyError",
    "Coding",
    "Decoded",
    "InvalidPacket",
    "Packet",
    "PacketError",
    "Status",
    "decode_binary",
    "decode_json",
    "encode_binary",
]
