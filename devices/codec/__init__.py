"""From the body of a request to packets: pure, no Django.

Each wire format is one module that gives a :class:`Decoded`; what holds for every
format is checked in :mod:`devices.codec.packet_fields`.
"""

from devices.codec.errors import BodyError, PacketError
from devices.codec.json_body import decode_json
from devices.codec.packet import MAX_PACKETS, Decoded, InvalidPacket, Packet, Status

__all__ = [
    "MAX_PACKETS",
    "BodyError",
    "Decoded",
    "InvalidPacket",
    "Packet",
    "PacketError",
    "Status",
    "decode_json",
]
