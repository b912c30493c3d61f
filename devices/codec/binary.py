"""The binary wire format: packets back to back; docs/protocol.md has the offsets."""

from collections.abc import Iterable

from devices.codec import binary_header as head
from devices.codec import packet_fields as check
from devices.codec.errors import BodyError, PacketError
from devices.codec.framing import MAGIC, Frame, Lost, split
from devices.codec.packet import MAX_PACKETS, Decoded, InvalidPacket, Packet
from devices.codec.sample_coding import Coding, decode_samples, encode_samples


def decode_binary(body: bytes) -> Decoded:
    """Decode a body of binary packets and the verdicts on those that are invalid.

    A damaged packet is invalid and no more. Where not even its header can be read,
    the bytes up to the next header are one invalid packet without ``seq``.
    Raises :class:`BodyError` if the body holds no readable header, too many
    packets, or packets of several streams.
    """
    if not body:
        raise BodyError("empty", "There is no packet in the body.")
    parts: list[Frame | Lost] = []
    streams = set()
    for part in split(body):
        parts.append(part)
        if len(parts) > MAX_PACKETS:
            text = f"At most {MAX_PACKETS} packets go into one request."
            raise BodyError("too_large", text)
        if isinstance(part, Frame):
            streams.add(part.stream)
    if not streams:
        raise BodyError("malformed", _what_is_wrong(body))
    if len(streams) > 1:
        text = "All packets of a request must be of one stream."
        raise BodyError("mixed_streams", text)
    items = tuple(_item(body, index, part) for index, part in enumerate(parts))
    return Decoded(streams.pop(), items)


def encode_binary(packets: Iterable[Packet], *, coding: Coding | None = None) -> bytes:
    """Return the body of one upload; without a coding, the shorter for each packet.

    Raises :class:`PacketError` for a packet that no server would take.
    """
    return b"".join(_encoded(packet, coding) for packet in packets)


def _item(body: bytes, index: int, part: Frame | Lost) -> Packet | InvalidPacket:
    if isinstance(part, Lost):
        text = (
            f"packet {index} of the body is damaged: bytes {part.start} to "
            f"{part.end - 1} are no packet with a good header CRC"
        )
        return InvalidPacket(None, "header", "crc", text)
    try:
        return _packet(body, part)
    except PacketError as error:
        seq = part.seq if part.seq < check.MAX_SEQ else None
        return InvalidPacket(seq, error.field, error.code, error.reason)


def _packet(body: bytes, frame: Frame) -> Packet:
    start = frame.start
    if frame.version != head.VERSION:
        text = f"must be {head.VERSION}: this server reads no other"
        raise PacketError("version", "range", text)
    header = head.read_header(body, start, frame.payload_at)
    seq = check.within("seq", frame.seq, 0, check.MAX_SEQ)
    first_sample = check.within(
        "first_sample", header.first_sample, 0, check.MAX_SAMPLE
    )
    fs = check.within("fs", header.fs, check.FS_HZ[0], check.FS_HZ[1] + 1)
    leads = head.lead_names(body, start, header)
    gain = check.finite_gain(header.gain)
    check.duration(header.n, fs=fs)
    _check_whole(frame)
    packet = Packet(
        stream=frame.stream,
        seq=seq,
        first_sample=first_sample,
        fs=fs,
        leads=leads,
        gain=gain,
        baseline=header.baseline,
        samples=decode_samples(
            body,
            frame.payload_at,
            frame.end,
            coding=header.coding,
            n=header.n,
            leads=len(leads),
        ),
        at=head.clock(header),
        mono_ms=head.mono_ms(header),
        flags=head.flags(header),
        lost_before=check.within(
            "lost_before", header.lost_before, 0, check.MAX_SAMPLE
        ),
        marker=head.marker(header),
        status=head.status(body, start, header),
    )
    if packet.crc != header.samples_crc:
        raise PacketError("samples", "crc", "do not match their CRC-32")
    return packet


def _check_whole(frame: Frame) -> None:
    told, have = frame.told_end - frame.start, frame.end - frame.start
    if frame.told_end < frame.payload_at:
        raise PacketError("packet_bytes", "range", "must be at least header_bytes")
    if told != have:
        text = f"the packet is cut short: {have} of {told} bytes are here"
        raise PacketError("packet_bytes", "count", text)


def _encoded(packet: Packet, coding: Coding | None) -> bytes:
    _check_fields(packet)
    coding, payload = encode_samples(
        packet.samples, leads=len(packet.leads), coding=coding
    )
    header = head.write_header(packet, coding=coding, payload_bytes=len(payload))
    return header + payload


def _check_fields(packet: Packet) -> None:
    fields = vars(packet)
    check.stream(fields)
    check.integer(fields, "seq", 0, check.MAX_SEQ)
    check.integer(fields, "first_sample", 0, check.MAX_SAMPLE)
    check.integer(fields, "fs", check.FS_HZ[0], check.FS_HZ[1] + 1)
    check.leads({"leads": list(packet.leads)})
    check.gain(fields)
    check.integer(fields, "baseline", -(2**31), 2**31)
    check.per_lead(packet.samples.size, leads=len(packet.leads), fs=packet.fs)
    check.optional_integer(fields, "mono_ms", 0, check.MAX_MONO_MS)
    check.flags({"flags": list(packet.flags)})
    check.integer(fields, "lost_before", 0, check.MAX_SAMPLE)
    check.marker(fields)
    if packet.status is not None:
        check.status({"status": vars(packet.status)})


def _what_is_wrong(body: bytes) -> str:
    if not body.startswith(MAGIC):
        return f"The body does not begin with a packet ({MAGIC.hex(' ')})."
    return "The header at byte 0 is cut short or its CRC-32 does not match."
