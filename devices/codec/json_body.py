"""The JSON wire format: one packet, or ``{"packets": [...]}``."""

import json
from typing import Any

import orjson

from devices.codec import packet_fields as check
from devices.codec.errors import BodyError, PacketError
from devices.codec.packet import MAX_PACKETS, Decoded, InvalidPacket, Packet


def decode_json(body: bytes) -> Decoded:
    """Decode a JSON body into packets and the verdicts on those that are invalid.

    Raises :class:`BodyError` where no packet can be told from another: the body
    is no JSON object, holds no packet, too many, or packets of several streams.
    """
    parts = _parts(_parse(body))
    if not parts:
        raise BodyError("empty", "There is no packet in the body.")
    if len(parts) > MAX_PACKETS:
        text = f"At most {MAX_PACKETS} packets go into one request."
        raise BodyError("too_large", text)
    streams = {name for name in map(_stream_or_none, parts) if name is not None}
    if len(streams) > 1:
        text = "All packets of a request must be of one stream."
        raise BodyError("mixed_streams", text)
    items = tuple(_item(part) for part in parts)
    return Decoded(next(iter(streams), None), items)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(body)
    except ValueError:
        parsed = _parse_leniently(body)
    if type(parsed) is not dict:
        text = 'The body must be a packet or {"packets": [...]}.'
        raise BodyError("malformed", text)
    return parsed


def _parse_leniently(body: bytes) -> Any:
    """Parse what is no strict JSON, so that one bad number condemns one packet."""
    try:
        # NaN and Infinity become floats here, which no field accepts.
        return json.loads(body.decode("utf-8"))
    except RecursionError:
        raise BodyError("malformed", "The JSON is nested too deeply.") from None
    except ValueError as error:
        # Also bytes that are not UTF-8, and numbers of thousands of digits.
        text = f"The body is not JSON in UTF-8: {error}"[:200]
        raise BodyError("malformed", text) from None


def _parts(parsed: dict[str, Any]) -> list[Any]:
    if "packets" not in parsed:
        return [parsed]
    parts = parsed["packets"]
    if type(parts) is not list:
        raise BodyError("malformed", '"packets" must be a list.')
    return parts


def _stream_or_none(part: Any) -> str | None:
    try:
        return check.stream(part) if type(part) is dict else None
    except PacketError:
        return None


def _item(part: Any) -> Packet | InvalidPacket:
    if type(part) is not dict:
        return InvalidPacket(None, "packets", "type", "a packet must be an object")
    try:
        return _packet(part)
    except PacketError as error:
        return InvalidPacket(_seq_or_none(part), error.field, error.code, error.reason)


def _packet(fields: dict[str, Any]) -> Packet:
    stream = check.stream(fields)
    seq = check.integer(fields, "seq", 0, check.MAX_SEQ)
    first_sample = check.integer(fields, "first_sample", 0, check.MAX_SAMPLE)
    fs = check.integer(fields, "fs", check.FS_HZ[0], check.FS_HZ[1] + 1)
    leads = check.leads(fields)
    return Packet(
        stream=stream,
        seq=seq,
        first_sample=first_sample,
        fs=fs,
        leads=leads,
        gain=check.gain(fields),
        baseline=check.integer(fields, "baseline", -(2**31), 2**31),
        samples=check.samples(fields, fs=fs, leads=len(leads)),
        at=check.at(fields),
        mono_ms=check.optional_integer(fields, "mono_ms", 0, check.MAX_MONO_MS),
        flags=check.flags(fields),
        lost_before=check.optional_integer(fields, "lost_before", 0, check.MAX_SAMPLE)
        or 0,
        marker=check.marker(fields),
        status=check.status(fields),
    )


def _seq_or_none(fields: dict[str, Any]) -> int | None:
    try:
        return check.integer(fields, "seq", 0, check.MAX_SEQ)
    except PacketError:
        return None
