"""Every mistake in a CSV file is named with its row."""

import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.files import csv_rows
from inference.files.csv_record import read_csv
from inference.files.csv_rows import Table, parse_block
from inference.files.record import FileError

FS = 250
GOOD = "".join(f"{i % 7 / 10},{i % 5 / 10}\n" for i in range(100))
TIMES = [f"{i / FS:.3f}" for i in range(100)]


def error_of(text: str | bytes, **options) -> FileError:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(FileError) as caught:
        read_csv(io.BytesIO(data), **({"fs": FS} | options))
    return caught.value


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("0.1,abc", "'abc', which is not a number"),
        ("0.1,1_000", "'1_000'"),
        ("0.1,0x10", "'0x10'"),
        ("0.1,٣", "not a number"),
        ("0.1,nan", "'nan', a missing value"),
        ("0.1,-inf", "'-inf', a missing value"),
        ("0.1,1e999", "'1e999'"),
        ("0.1,", "an empty field"),
        ("0.1", "1 columns where the first rows have 2"),
        ("0.1,0.2,0.3", "3 columns where the first rows have 2"),
        ("0.1 0.2", "1 columns where the first rows have 2"),
        ("", "an empty line"),
        ("0.1,33", "33 mV"),
        ("0.1,\x00", "not a number"),
    ],
)
@pytest.mark.parametrize("header", ["", "I,II\n"])
@pytest.mark.parametrize("block", [1 << 20, 50])
def test_it_names_the_row_and_what_was_found(monkeypatch, row, found, header, block):
    monkeypatch.setattr("inference.files.csv_record._BLOCK_CHARACTERS", block)
    error = error_of(header + GOOD + row + "\n" + GOOD)
    assert error.row == 101 + bool(header)
    assert str(error).startswith(f"Row {error.row}")
    assert found in str(error)


def test_it_names_the_column_and_the_lead():
    error = error_of("II,V5\n0.1,0.2\n0.1,x\n")
    assert (error.row, error.column) == (3, "2 (V5)")


def test_it_names_the_first_of_several_mistakes():
    assert error_of(GOOD + "0.1,x\n" + GOOD + "y\n").row == 101


@pytest.mark.parametrize("value", ["0.5", "32768", "-32768"])
def test_it_refuses_adu_that_int16_cannot_hold(value):
    error = error_of(f"1\n2\n{value}\n", unit="adu", gain=200)
    assert error.row == 3
    assert "whole numbers" in str(error)


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (lambda times: times.pop(50), 52),  # a missing sample
        (lambda times: times.insert(50, times[50]), 53),  # twice the same
        (lambda times: times.__setitem__(50, "0"), 52),  # back in time
        (lambda times: times.__setitem__(99, "7"), 101),  # a gap
        (lambda times: times.__setitem__(1, "0.1"), 3),
    ],
)
def test_it_names_the_row_where_time_is_uneven(change, row):
    times = list(TIMES)
    change(times)
    error = error_of("time_s,II\n" + "".join(f"{t},0.1\n" for t in times), fs=None)
    assert (error.row, error.column) == (row, "1 (time_s)")
    assert "evenly spaced" in str(error)


def test_it_refuses_a_rate_that_changes():
    slow = np.arange(500) / 200
    fast = slow[-1] + np.arange(1, 501) / 300
    rows = "".join(f"{t:.6f},0.1\n" for t in np.concatenate([slow, fast]))
    error = error_of("time_s,II\n" + rows, fs=None)
    assert error.row is not None
    assert 500 <= error.row <= 520


@pytest.mark.parametrize(
    ("header", "row", "found"),
    [
        ("time,II\n", 1, "time_s"),
        ("Sample #,II\n", 1, "time_s"),
        ("II,time_s\n", 1, "front"),
        ("time_s\n", 1, "no lead"),
        ("II,II\n", 1, "twice"),
        ("II,0.2\n", 1, "not a number"),
    ],
)
def test_it_refuses_a_header_it_would_misread(header, row, found):
    error = error_of(header + GOOD, fs=None if "time_s" in header else FS)
    assert error.row == row
    assert found in str(error)


def test_it_refuses_a_time_column_without_a_name():
    error = error_of("".join(f"{t},0.1\n" for t in TIMES))
    assert (error.row, error.column) == (1, "1")
    assert "counts up" in str(error)


@pytest.mark.parametrize(
    ("text", "options", "found"),
    [
        ("", {}, "no samples"),
        ("\n\n \n", {}, "no samples"),
        ("I,II\n", {}, "no samples"),
        ("0.1\n", {"fs": None}, "Row 1: there is no column time_s and no fs"),
        ("time_s,I\n0,0.1\n", {"fs": None}, "too short"),
        ("0.1\n", {"fs": 99}, "100 to 1000 Hz"),
        ("0.1\n", {"fs": 1001.5}, "100 to 1000 Hz"),
        ("0.1\n", {"fs": 250.5}, "not a whole number"),
        ("0.1\n", {"fs": float("nan")}, "100 to 1000 Hz"),
        ("0.1\n", {"gain": 200}, "leave it out for mV"),
        ("1\n", {"unit": "adu"}, "needs the gain"),
        ("1\n", {"unit": "adu", "gain": 0}, "above 0"),
        ("0.1,0.2\n", {"leads": ["II"]}, "2 leads, but 1 lead names"),
        ("0.1," * 16 + "0.1\n", {}, "at most 16"),
        (b"PK\x03\x04" + b"\xff\x00" * 20000, {}, "Row 1"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 99, {}, "Row "),
    ],
)
def test_it_says_what_is_missing(text, options, found):
    assert found in str(error_of(text, **options))


def test_it_finds_that_time_and_fs_disagree():
    text = "time_s,II\n" + "".join(f"{t},0.1\n" for t in TIMES)
    assert "says 250 Hz" in str(error_of(text, fs=360))


FIELD = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(str),
    st.text("0123456789.eE+-_ naif\"'", max_size=8),
    st.sampled_from(["", "nan", "1e400", "True", "1d3", "1e", "--1", "1.2.3", "0b1"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=5))
def test_its_fast_parser_agrees_with_the_exact_one(rows):
    text = "".join(f"{a},{b}\n" for a, b in rows)
    table = Table(separator=",", columns=("I", "II"))
    try:
        exact = csv_rows._parse_slowly(text, table=table, first_row=1)
    except FileError as error:
        with pytest.raises(FileError, match=re.escape(str(error))):
            parse_block(text, table=table, first_row=1)
    else:
        fast = parse_block(text, table=table, first_row=1)
        np.testing.assert_allclose(fast, exact, rtol=1e-12)
