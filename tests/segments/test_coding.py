"""Segments: bit for bit there and back, and damage of any kind is told."""

import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.segments import (
    DamagedSegment,
    Form,
    SegmentData,
    decode_pyramid,
    decode_segment,
    encode_segment,
    pack_places,
    unpack_places,
)
from devices.segments.columns import pack_columns, unpack_columns
from tests.segments.making import assert_same, segment

GOLDEN = Path(__file__).parent.parent / "data" / "segments" / "version-1.bin"
INT64 = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize(
    "made",
    [
        segment(),
        segment([1]),
        segment([7500] * 40, leads=("I", "II", "V1")),
        segment([250] * 300, gap_before=17),
        segment([100] * 5, leads=[f"L{k}" for k in range(12)]),
        segment([0, 0, 25, 0]),
    ],
    ids=["usual", "one sample", "three leads", "gap", "twelve leads", "heartbeats"],
)
def test_it_comes_back_bit_for_bit(made: SegmentData) -> None:
    data = encode_segment(made)
    back = decode_segment(data, sha256=data[-32:])
    assert_same(back, made)
    assert back.wrong_crcs() == []
    pyramid = decode_pyramid(data)
    assert np.array_equal(pyramid.low, made.pyramid.low)
    assert np.array_equal(pyramid.high, made.pyramid.high)
    assert pyramid.first == made.pyramid.first


def test_it_keeps_the_wildest_samples_and_gains() -> None:
    made = segment([20_000])
    rng = np.random.default_rng(3)
    noise = rng.integers(-(2**15), 2**15, (20_000, 1)).astype(np.int16)
    noise[:2, 0] = [-(2**15), 2**15 - 1]
    form = Form(2**40, 1000, ("é",), 1e-300, -(2**31), True)
    wild = SegmentData(form, made.places, made.told, noise)
    assert_same(decode_segment(encode_segment(wild)), wild)


def test_it_reads_what_version_1_wrote() -> None:
    made = segment([250, 250, 0, 125], leads=("I", "II"), gap_before=3, seed=9)
    assert_same(decode_segment(GOLDEN.read_bytes()), made)


def test_it_tells_every_single_changed_or_missing_byte() -> None:
    data = encode_segment(segment([50, 50]))
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        with pytest.raises(DamagedSegment):
            decode_segment(changed)
        with pytest.raises(DamagedSegment):
            decode_segment(data[:at])
    with pytest.raises(DamagedSegment):
        decode_segment(data + b"\0")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 255))
def test_it_raises_nothing_else_when_the_hash_was_made_to_fit(
    place: int, flip: int
) -> None:
    body = bytearray(encode_segment(segment([50, 50]))[:-32])
    body[place % len(body)] ^= flip
    forged = bytes(body) + hashlib.sha256(body).digest()
    for decode in (decode_segment, decode_pyramid):
        with suppress(DamagedSegment):
            decode(forged)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "too few"),
        (b"x" * 100, "no segment"),
        (b"TCSG\x02\x00" + b"x" * 100, "version 2"),
    ],
)
def test_it_says_what_is_wrong(data: bytes, says: str) -> None:
    with pytest.raises(DamagedSegment, match=says):
        decode_segment(data)


def test_it_tells_another_segment_than_was_meant() -> None:
    one, other = encode_segment(segment(seed=1)), encode_segment(segment(seed=2))
    with pytest.raises(DamagedSegment, match="another segment"):
        decode_segment(one, sha256=other[-32:])


def test_it_finds_the_packet_whose_samples_were_changed_before_packing() -> None:
    made = segment([250] * 4)
    made.samples[600] ^= 1
    assert decode_segment(encode_segment(made)).wrong_crcs() == [302]
    assert made.data_of(1) == made.samples[250:500].tobytes()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(INT64, INT64), max_size=30))
def test_it_packs_any_integers(rows: list[tuple[int, int]]) -> None:
    columns = [np.array([row[k] for row in rows], np.int64) for k in (0, 1)]
    back = unpack_columns(pack_columns(columns), count=2, length=len(rows))
    assert all(np.array_equal(a, b) for a, b in zip(columns, back, strict=True))


def test_it_needs_few_bytes_for_packets_that_run_on_evenly() -> None:
    places = segment([250] * 300).places
    data = pack_places(places)
    assert np.array_equal(unpack_places(data).at_us, places.at_us)
    # Four bytes of CRC each cannot be packed.
    assert len(data) < 300 * 5
