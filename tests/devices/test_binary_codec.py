"""The binary codec against vectors written without it, and against itself."""

import contextlib
import json
import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from devices.codec import (
    BodyError,
    Coding,
    InvalidPacket,
    Packet,
    PacketError,
    Status,
    decode_binary,
    decode_json,
    encode_binary,
)
from devices.codec.packet_fields import FLAGS
from tests.devices.golden_packets import FOLDER, VALID, bodies
from tests.devices.packet_bytes import packet, written

CODINGS = {"int16": Coding.INT16, "delta": Coding.DELTA}
EXPECTED = json.loads((FOLDER / "packets.json").read_text())


def from_json(told: dict[str, Any]) -> Packet:
    (item,) = decode_json(json.dumps(told).encode()).items
    assert isinstance(item, Packet)
    return item


def assert_equal(one: Packet, other: Packet) -> None:
    assert one.samples.dtype == other.samples.dtype == np.int16
    assert (one.data, one.crc) == (other.data, other.crc)
    assert rest(one) == rest(other)


def rest(packet: Packet) -> dict[str, Any]:
    """Return every field but the samples, which do not compare."""
    names = [field.name for field in fields(packet) if field.name != "samples"]
    return {name: getattr(packet, name) for name in names}


def test_the_files_are_those_of_the_script():
    written_now = list(bodies())
    names = {f"{name}.bin" for name, _, _ in written_now}
    assert {path.name for path in FOLDER.glob("*.bin")} == names
    for name, body, expect in written_now:
        assert (FOLDER / f"{name}.bin").read_bytes() == body, name
        assert {"file": f"{name}.bin", **expect} in EXPECTED


@pytest.mark.parametrize("expect", EXPECTED, ids=lambda expect: expect["file"])
def test_it_decodes_each_file_as_packets_json_says(expect):
    body = (FOLDER / expect["file"]).read_bytes()
    if "code" in expect:
        with pytest.raises(BodyError) as caught:
            decode_binary(body)
        assert caught.value.code == expect["code"]
        assert caught.value.detail
        return
    items = decode_binary(body).items
    assert len(items) == len(expect["packets"])
    for item, told in zip(items, expect["packets"], strict=True):
        if told.get("result") == "invalid":
            assert isinstance(item, InvalidPacket)
            assert (item.seq, item.field, item.code) == (
                told["seq"],
                told["field"],
                told["error"],
            )
            assert item.reason
        else:
            assert isinstance(item, Packet), item
            assert_equal(item, from_json(told))


@pytest.mark.parametrize("name", VALID)
def test_it_encodes_as_the_files_are_written(name):
    told, coding = VALID[name]
    encoded = encode_binary([from_json(told)], coding=CODINGS[coding])
    assert encoded == (FOLDER / f"{name}.bin").read_bytes()


def test_the_example_of_the_protocol_is_one_of_the_files():
    text = (FOLDER.parents[2] / "docs" / "protocol.md").read_text()
    lines = text.partition("### A packet, byte by byte")[2].split("```")[1]
    told = bytearray()
    for line in lines.strip().splitlines():
        at, numbers = re.match(r"(\w\w)  ((?:[0-9a-f]{2} {1,2})+)", line).groups()
        assert int(at, 16) == len(told), line
        told += bytes.fromhex(numbers)
    assert bytes(told) == (FOLDER / "example.bin").read_bytes()


def test_it_says_which_version_it_reads_and_where_damage_is():
    (newer,) = decode_binary(written(packet(7), version=2)).items
    assert (newer.seq, newer.reason) == (7, "must be 1: this server reads no other")
    body = written(packet(0)) + bytes(3) + written(packet(1))
    _, lost, _ = decode_binary(body).items
    assert lost.reason == (
        "packet 1 of the body is damaged: bytes 124 to 126 are no packet with a good "
        "header CRC"
    )


def test_it_chooses_the_shorter_coding_for_each_packet():
    calm = from_json(packet(0, samples=[5] * 100))
    wild = from_json(packet(1, first_sample=100, samples=[30000, -30000] * 50))
    body = encode_binary([calm, wild])
    assert len(body) == 104 + 100 + 104 + 200
    for item, sent in zip(decode_binary(body).items, (calm, wild), strict=True):
        assert_equal(item, sent)


def test_it_takes_1000_packets_and_refuses_one_more():
    body = written(packet(samples=[]))
    assert len(decode_binary(body * 1000).packets) == 1000
    for more in (body * 1001, body * 1000 + b"\0"):
        with pytest.raises(BodyError) as caught:
            decode_binary(more)
        assert caught.value.code == "too_large"


@pytest.mark.parametrize(
    "piece",
    [
        b"\x89TCP",
        # Headers of 1 KiB, each of which would have to be summed up.
        written(packet())[:6] + (1024).to_bytes(2, "little"),
        b"\x89" * 64,
    ],
)
def test_it_is_not_slowed_down_by_what_looks_like_headers(piece):
    """Work grows with the body, not with its square: this took minutes otherwise."""
    with pytest.raises(BodyError):
        decode_binary(piece * ((1 << 20) // len(piece)))


def test_it_reads_packets_that_claim_each_others_bytes_once():
    claim = written(packet(), packet_bytes=700_000, n=300_000, fs=1000)
    decoded = decode_binary(claim[:104] * 1000)
    assert {item.field for item in decoded.items} == {"samples"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stream", "5f0c"),
        ("seq", 2**31),
        ("first_sample", -1),
        ("fs", 99),
        ("leads", ("I", "I")),
        ("leads", ("123456789",)),
        ("gain", float("nan")),
        ("baseline", 2**31),
        ("samples", np.zeros(9, np.int16)),
        ("mono_ms", 2**40),
        ("flags", ("sleepy",)),
        ("lost_before", -1),
        ("status", Status(battery_percent=101)),
        ("status", Status(firmware="x" * 41)),
    ],
)
def test_it_encodes_nothing_that_no_server_would_take(field, value):
    wrong = replace(from_json(packet()), **{field: value})
    with pytest.raises(PacketError) as caught:
        encode_binary([wrong])
    assert caught.value.field.startswith(field)


names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
statuses = st.builds(
    Status,
    battery_percent=st.none() | st.integers(0, 100),
    rssi_dbm=st.none() | st.integers(-200, 100),
    firmware=st.none() | printable,
    backlog=st.none() | st.integers(0, 2**31 - 1),
)


@st.composite
def packets(draw) -> Packet:
    leads = draw(st.lists(names.map(lambda n: n[:8]), min_size=1, max_size=12))
    leads = tuple(dict.fromkeys(leads))
    fs = draw(st.integers(100, 1000))
    n = draw(st.sampled_from([0, -(-fs // 10), fs]) | st.integers(fs // 2, fs))
    small = arrays(np.int16, n * len(leads), elements=st.integers(-60, 60))
    wild = arrays(np.int16, n * len(leads), elements=st.integers(-(2**15), 2**15 - 1))
    status = draw(st.none() | statuses)
    return Packet(
        stream=draw(st.binary(min_size=8, max_size=8)).hex(),
        seq=draw(st.integers(0, 2**31 - 1)),
        first_sample=draw(st.integers(0, 2**40 - 1)),
        fs=fs,
        leads=leads,
        gain=draw(st.floats(5e-324, allow_infinity=False)),
        baseline=draw(st.integers(-(2**31), 2**31 - 1)),
        samples=draw(small | wild),
        at=draw(st.none() | st.datetimes(timezones=st.just(UTC))),
        mono_ms=draw(st.none() | st.integers(0, 2**40 - 1)),
        flags=tuple(flag for flag in FLAGS if draw(st.booleans())),
        lost_before=draw(st.integers(0, 2**40 - 1)),
        marker=draw(st.booleans()),
        # A status that says nothing is none.
        status=None if status == Status() else status,
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(packet=packets(), coding=st.sampled_from([None, *Coding]))
def test_it_returns_every_packet_as_it_was(packet, coding):
    (item,) = decode_binary(encode_binary([packet], coding=coding)).items
    assert isinstance(item, Packet), item
    assert_equal(item, packet)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(body=st.binary(max_size=400))
def test_it_never_fails_on_any_bytes(body):
    with contextlib.suppress(BodyError):
        decode_binary(body)
    with contextlib.suppress(BodyError):
        decode_binary(b"\x89TCP" + body)


BATCH = [written(packet(seq), "delta" if seq % 2 else "int16") for seq in range(4)]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(data=st.data())
def test_one_wrong_byte_costs_no_other_packet(data):
    hit = data.draw(st.integers(0, 3))
    at = data.draw(st.integers(0, len(BATCH[hit]) - 1))
    bits = data.draw(st.integers(1, 255))
    spoilt = bytearray(BATCH[hit])
    spoilt[at] ^= bits
    body = b"".join([*BATCH[:hit], bytes(spoilt), *BATCH[hit + 1 :]])
    items = decode_binary(body).items
    assert len(items) == 4
    for seq, item in enumerate(items):
        assert isinstance(item, InvalidPacket if seq == hit else Packet)
        assert item.seq == seq or (seq == hit and item.seq is None)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(data=st.data())
def test_bytes_lost_or_added_cost_one_packet(data):
    hit = data.draw(st.integers(0, 3))
    whole = BATCH[hit]
    at = data.draw(st.integers(0, len(whole) - 1))
    lost = data.draw(st.integers(0, 20))
    added = data.draw(st.binary(min_size=0 if lost else 1, max_size=20))
    spoilt = whole[:at] + added + whole[at + lost :]
    body = b"".join([*BATCH[:hit], spoilt, *BATCH[hit + 1 :]])
    good = [item.seq for item in decode_binary(body).packets]
    assert set(range(4)) - {hit} <= set(good) <= set(range(4))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data())
def test_it_never_fails_on_any_header_with_a_good_crc(data):
    """Fields at random, sealed: what a maker's mistake looks like."""
    widths = {
        "version": 8,
        "coding": 8,
        "packet_bytes": 32,
        "seq": 32,
        "first_sample": 64,
        "mono_ms": 64,
        "n": 32,
        "lost_before": 64,
        "samples_crc": 32,
        "fs": 16,
        "flags": 16,
        "present": 8,
        "lead_count": 8,
        "marker": 8,
        "battery_percent": 8,
        "firmware_bytes": 8,
        "backlog": 32,
    }
    chosen = data.draw(st.sets(st.sampled_from(sorted(widths)), max_size=4))
    wrong = {k: data.draw(st.integers(0, 2 ** widths[k] - 1)) for k in sorted(chosen)}
    wrong["gain"] = data.draw(st.floats())
    wrong["at_us"] = data.draw(st.integers(-(2**63), 2**63 - 1))
    body = written(packet(at="2026-11-23T10:00:34Z"), **wrong)
    for item in decode_binary(body).items:
        assert isinstance(item, Packet | InvalidPacket)


def test_a_time_beyond_the_calendar_is_none():
    for at_us in (2**63 - 1, -(2**63), 253402300800_000000):
        body = written(packet(at="2026-11-23T10:00:34Z"), at_us=at_us)
        (item,) = decode_binary(body).items
        assert isinstance(item, Packet)
        assert item.at is None
    body = written(packet(at="9999-12-31T23:59:59.999999Z"))
    latest = datetime.max.replace(tzinfo=UTC)
    assert decode_binary(body).packets[0].at == latest
