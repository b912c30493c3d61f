"""Zip files from a browser, honest and not."""

import contextlib
import io
import stat
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from inference.files.record import FileError
from inference.files.wfdb_zip import read_wfdb_zip
from tests.files.wfdb_records import adu_of, write


@pytest.fixture
def record(tmp_path):
    """Return the files of one WFDB record by name."""
    write(tmp_path, adu=adu_of(2))
    return {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def zipped(members: dict) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    file.seek(0)
    return file


def test_it_reads_the_record_and_leaves_nothing_behind(record, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    result = read_wfdb_zip(zipped(record))
    assert (result.name, result.leads) == ("r1", ("II", "V5"))
    np.testing.assert_array_equal(result.samples, adu_of(2))
    assert not list((tmp_path / "temp").iterdir())


def test_it_ignores_folders_and_hidden_files(record):
    members = {f"day one/{name}": data for name, data in record.items()}
    members |= {"__MACOSX/day one/._r1.hea": b"x", "day one/.r1.hea": b"x"}
    assert read_wfdb_zip(zipped(members)).name == "r1"


@pytest.mark.parametrize(
    ("extra", "found"),
    [
        ({"r2.hea": b"x"}, r"Found 2 header files \(\.hea\): r1\.hea, r2\.hea"),
        ({"../evil": b"x"}, "leads out of its folder"),
        ({"a/../../evil": b"x"}, "leads out of its folder"),
        ({"/etc/evil": b"x"}, "leads out of its folder"),
        ({"..\\evil": b"x"}, "leads out of its folder"),
        ({"C:evil": b"x"}, "leads out of its folder"),
        ({"more/r1.dat": b"x"}, r"two files named 'r1\.dat'"),
        ({"inner.zip": b"PK"}, r"another archive, 'inner\.zip'"),
        ({f"f{i}": b"" for i in range(200)}, "202 members; at most 200"),
    ],
)
def test_it_refuses_what_no_honest_zip_holds(record, extra, found):
    with pytest.raises(FileError, match=found):
        read_wfdb_zip(zipped(record | extra))


def test_it_refuses_links(record):
    link = zipfile.ZipInfo("r1.dat")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(FileError, match="is a link"):
        read_wfdb_zip(zipped({"r1.hea": record["r1.hea"], link: "/etc/passwd"}))


def test_it_stops_unpacking_a_bomb(record):
    bomb = zipped(record | {"bomb": bytes(30 << 20)})
    assert len(bomb.getvalue()) < 100_000
    with pytest.raises(FileError, match="too large when unpacked"):
        read_wfdb_zip(bomb, max_bytes=10 << 20)


def test_it_does_not_trust_the_size_a_zip_file_states(record):
    data = bytearray(zipped(record | {"bomb": bytes(5 << 20)}).getvalue())
    truth = (5 << 20).to_bytes(4, "little")
    assert data.count(truth) == 2
    lying = io.BytesIO(data.replace(truth, (10).to_bytes(4, "little")))
    with pytest.raises(FileError, match="damaged|too large"):
        read_wfdb_zip(lying, max_bytes=1 << 20)


def test_it_refuses_a_header_that_promises_too_much(record):
    header = record["r1.hea"].replace(b"250 1000", b"250 900000000000")
    with pytest.raises(FileError, match="at most|promises"):
        read_wfdb_zip(zipped(record | {"r1.hea": header}))


def test_it_never_follows_a_header_out_of_the_zip_file(record, tmp_path):
    outside = Path(tmp_path / "r1.dat")
    header = record["r1.hea"].replace(b"r1.dat", str(outside).encode())
    with pytest.raises(FileError, match=r"r1\.hea"):
        read_wfdb_zip(zipped({"r1.hea": header}))


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({}, "Found 0 header files"),
        ({"r1.dat": b"xx"}, "Found 0 header files"),
        ({"r1.hea": None}, "r1.dat, which is missing"),
    ],
)
def test_it_says_what_is_missing(record, members, found):
    members = {name: data or record[name] for name, data in members.items()}
    with pytest.raises(FileError, match=found):
        read_wfdb_zip(zipped(members))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no zip at all" * 99])
def test_it_refuses_what_is_no_zip_file(data):
    with pytest.raises(FileError, match="no zip file"):
        read_wfdb_zip(io.BytesIO(data))


def test_it_survives_every_damaged_byte(record):
    whole = zipped(record).getvalue()
    rng = np.random.default_rng(7)
    for at in rng.integers(0, len(whole), 200).tolist():
        data = bytearray(whole)
        data[at] ^= int(rng.integers(1, 256))
        # Read, or refused with words; anything else fails the test.
        with contextlib.suppress(FileError):
            read_wfdb_zip(io.BytesIO(data))
