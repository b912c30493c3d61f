"""The wire formats by their media types."""

from collections.abc import Callable

from devices.codec.binary import decode_binary
from devices.codec.json_body import decode_json
from devices.codec.packet import Decoded

JSON_TYPE = "application/json"
BINARY_TYPE = "application/vnd.telecardio.packets"
DECODERS: dict[str, Callable[[bytes], Decoded]] = {
    JSON_TYPE: decode_json,
    BINARY_TYPE: decode_binary,
}
