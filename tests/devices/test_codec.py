"""The JSON codec against the protocol: what is a packet and what is not."""

import contextlib
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.codec import BodyError, InvalidPacket, Packet, decode_json
from tests.devices.conftest import packet

MISSING = object()


def decode_one(**fields: Any) -> Packet | InvalidPacket:
    """Decode one packet of which some fields differ from the usual."""
    whole = {k: v for k, v in (packet() | fields).items() if v is not MISSING}
    (item,) = decode_json(json.dumps(whole).encode()).items
    return item


def test_it_reads_every_field():
    item = decode_one(
        seq=17,
        first_sample=8500,
        leads=["I", "V1"],
        baseline=2048,
        gain=200,
        samples=[1, -2] * 250,
        at="2026-11-23T11:00:34.5+01:00",
        mono_ms=34012,
        flags=["noisy", "lead_off"],
        lost_before=3,
        marker=True,
        status={"battery_percent": 81, "rssi_dbm": -61, "firmware": "1.2.0"},
        colour="ignored",
    )
    assert isinstance(item, Packet)
    assert (item.n, item.end_sample, item.duration_s) == (250, 8750, 1.0)
    assert item.samples.dtype == np.int16
    assert item.data == b"\x01\x00\xfe\xff" * 250
    assert item.at.isoformat() == "2026-11-23T10:00:34.500000+00:00"
    assert item.flags == ("lead_off", "noisy")
    assert (item.gain, item.lost_before, item.marker) == (200.0, 3, True)
    assert (item.status.battery_percent, item.status.backlog) == (81, None)


@pytest.mark.parametrize("samples", [MISSING, None, []])
def test_it_takes_a_packet_without_samples_for_a_heartbeat(samples):
    item = decode_one(samples=samples)
    assert isinstance(item, Packet)
    assert (item.n, item.duration_s, item.data) == (0, 0.0, b"")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stream", MISSING),
        ("stream", None),
        ("stream", 5),
        ("stream", "5f0c"),
        ("stream", "5f0c9a1e77b24d1g"),
        ("stream", "5f0c9a1e77b24d10\n"),
        ("seq", MISSING),
        ("seq", -1),
        ("seq", 2**31),
        ("seq", 10**400),
        ("seq", 1.0),
        ("seq", "1"),
        ("seq", True),
        ("first_sample", MISSING),
        ("first_sample", -1),
        ("first_sample", 2**40),
        ("fs", MISSING),
        ("fs", 99),
        ("fs", 1001),
        ("fs", 250.0),
        ("fs", True),
        ("leads", MISSING),
        ("leads", []),
        ("leads", "I"),
        ("leads", [1]),
        ("leads", [""]),
        ("leads", ["I", "I"]),
        ("leads", ["123456789"]),
        ("leads", ["É"]),
        ("leads", ["a\u0000"]),
        ("leads", [f"V{i}" for i in range(13)]),
        ("gain", MISSING),
        ("gain", 0),
        ("gain", -1.0),
        ("gain", True),
        ("gain", "1"),
        ("gain", math.nan),
        ("gain", math.inf),
        ("gain", 10**400),
        ("baseline", MISSING),
        ("baseline", 0.5),
        ("baseline", 2**31),
        ("samples", "0,1"),
        ("samples", {"0": 1}),
        ("samples", [1] * 24),
        ("samples", [1] * 7501),
        ("samples", [1.0] * 250),
        ("samples", [True] * 250),
        ("samples", [1] * 249 + [True]),
        ("samples", [1] * 249 + [None]),
        ("samples", [1] * 249 + ["1"]),
        ("samples", [1] * 249 + [[1]]),
        ("samples", [1] * 249 + [math.nan]),
        ("samples", [1] * 249 + [-math.inf]),
        ("samples", [1] * 249 + [32768]),
        ("samples", [1] * 249 + [-32769]),
        ("samples", [1] * 249 + [10**30]),
        ("at", 1763892034),
        ("at", "yesterday"),
        ("at", "2026-11-23T10:00:34"),
        ("at", "2026-02-30T10:00:34Z"),
        ("mono_ms", -1),
        ("mono_ms", 1.5),
        ("mono_ms", 2**63),
        ("flags", "lead_off"),
        ("flags", ["sleepy"]),
        ("flags", [1]),
        ("lost_before", -1),
        ("lost_before", 0.5),
        ("marker", 1),
        ("status", []),
    ],
)
def test_it_names_the_field_that_is_invalid(field, value):
    item = decode_one(**{field: value})
    assert isinstance(item, InvalidPacket)
    assert item.field == field
    assert item.code in {"required", "type", "range", "format", "count"}
    assert item.reason


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("battery_percent", 101),
        ("battery_percent", "81"),
        ("rssi_dbm", 0.5),
        ("firmware", "x" * 41),
        ("firmware", "1\u0000"),
        ("firmware", 2),
        ("backlog", -1),
    ],
)
def test_it_names_the_part_of_the_status_that_is_invalid(name, value):
    item = decode_one(status={name: value})
    assert isinstance(item, InvalidPacket)
    assert item.field == f"status.{name}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stream", "5F0C9A1E77B24D10"),
        ("seq", 2**31 - 1),
        ("first_sample", 2**40 - 1),
        ("samples", [1] * 25),
        ("samples", [1] * 7500),
        ("samples", [-32768, 32767] * 125),
        ("leads", ["12345678"]),
        ("gain", 1),
        ("gain", 1e-300),
        ("at", None),
        ("at", "1970-01-01T00:00:00Z"),
        ("at", "0001-01-01T00:00:00+14:00"),
        ("at", "9999-12-31T23:59:59-12:00"),
        ("status", {}),
        ("flags", []),
        ("mono_ms", None),
    ],
)
def test_it_takes_what_is_just_within_the_limits(field, value):
    assert isinstance(decode_one(**{field: value}), Packet)


def test_it_wants_samples_for_every_lead():
    item = decode_one(leads=["I", "II"], samples=[1] * 251)
    assert isinstance(item, InvalidPacket)
    assert (item.field, item.code) == ("samples", "count")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"hello", "malformed"),
        (b"[]", "malformed"),
        (b"17", "malformed"),
        (b"null", "malformed"),
        (b"\xff\xfe{}", "malformed"),
        ('{"seq": 1}'.encode("utf-16"), "malformed"),
        (b'{"stream": "\xc3\x28"}', "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"a":' * 100_000, "malformed"),
        (b'{"seq": ' + b"9" * 5000 + b"}", "malformed"),
        (b'{"packets": {}}', "malformed"),
        (b'{"packets": null}', "malformed"),
        (b'{"packets": []}', "empty"),
        (b'{"packets": [' + b"{}," * 1000 + b"{}]}", "too_large"),
    ],
)
def test_it_refuses_a_body_in_which_no_packet_can_be_told(body, code):
    with pytest.raises(BodyError) as caught:
        decode_json(body)
    assert caught.value.code == code
    assert caught.value.detail


def test_it_refuses_packets_of_two_streams():
    both = {"packets": [packet(0), packet(1, stream="0" * 16)]}
    with pytest.raises(BodyError) as caught:
        decode_json(json.dumps(both).encode())
    assert caught.value.code == "mixed_streams"


def test_it_does_not_let_one_bad_packet_spoil_the_others():
    mixed = [packet(0), 7, packet(1, fs=0), {}, packet(2, stream="?"), packet(3)]
    decoded = decode_json(json.dumps({"packets": mixed}).encode())
    assert [type(item) for item in decoded.items] == [
        Packet,
        *[InvalidPacket] * 4,
        Packet,
    ]
    assert [item.seq for item in decoded.items] == [0, None, 1, None, 2, 3]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(name=st.sampled_from([*packet(), "at", "status", "flags"]), value=anything)
def test_it_never_fails_on_any_value_of_any_field(name, value):
    body = json.dumps(packet() | {name: value}).encode()
    (item,) = decode_json(body).items
    assert isinstance(item, Packet | InvalidPacket)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(body=st.binary(max_size=200))
def test_it_never_fails_on_any_bytes(body):
    with contextlib.suppress(BodyError):
        assert decode_json(body).packets == []


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.integers(-(2**15), 2**15 - 1), min_size=25, max_size=500))
def test_it_returns_the_samples_bit_for_bit(samples):
    item = decode_one(samples=samples)
    assert isinstance(item, Packet)
    assert np.frombuffer(item.data, "<i2").tolist() == samples
