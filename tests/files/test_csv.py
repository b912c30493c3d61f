"""CSV files that are as they should be."""

import io

import numpy as np
import pytest

from inference.files.csv_record import read_csv
from inference.files.record import FileRecord

FS = 250
WAVE_MV = np.round(np.sin(np.arange(1000) / 40), 3)


def read(text: str | bytes, **options) -> FileRecord:
    data = text if isinstance(text, bytes) else text.encode()
    return read_csv(io.BytesIO(data), **options)


def column(values) -> str:
    return "".join(f"{value}\n" for value in values)


def test_it_reads_one_lead_in_millivolts_without_a_header():
    record = read(column(WAVE_MV), fs=FS)
    assert (record.fs, record.leads, record.gain) == (FS, ("ECG",), 1000)
    assert record.samples.dtype == np.int16
    np.testing.assert_array_equal(record.samples[:, 0], np.rint(WAVE_MV * 1000))
    np.testing.assert_allclose(record.signal_mv(0, 0, 1000), WAVE_MV, atol=1e-6)


def test_it_keeps_adu_bit_for_bit():
    adu = np.arange(-32767, 32768, 50)
    record = read(
        "II,V5\n" + column(f"{a},{-a}" for a in adu), fs=FS, unit="adu", gain=200
    )
    assert (record.leads, record.gain, record.baseline) == (("II", "V5"), 200, 0)
    np.testing.assert_array_equal(record.samples, np.stack([adu, -adu], axis=1))


@pytest.mark.parametrize("fs", [100, 128, 250, 257, 360, 500, 512, 1000])
@pytest.mark.parametrize("decimals", [3, 6])
def test_it_takes_fs_from_the_time_column(fs, decimals):
    rows = [f"{17 + i / fs:.{decimals}f},{v}" for i, v in enumerate(WAVE_MV)]
    record = read("time_s,II\n" + column(rows))
    assert (record.fs, record.leads) == (fs, ("II",))
    assert len(record.samples) == len(WAVE_MV)


@pytest.mark.parametrize(
    "text",
    [
        "I;II\r\n0,5;-1,25\r\n0,25;1e-3\r\n",
        "\ufeffI;II\n0.5;-1.25\n0.25;0.001\n\n\n  \n",
        "I\tII\n0,5\t-1,25\n.25\t+0,001",
        'I,II\r0.5,"-1.25"\r0.25, 0.001\r',
        "\n\nI,II\n0.5,-1.25\n0.25,0.001\n",
        "I,II\n0.5,-1.25\n0.25,0.001\n".encode("utf-16"),
    ],
)
def test_it_reads_what_spreadsheets_write(text):
    record = read(text, fs=FS)
    assert record.leads == ("I", "II")
    np.testing.assert_array_equal(record.samples, [[500, -1250], [250, 1]])


def test_it_prefers_lead_names_that_are_given():
    assert read("a,b\n1,2\n", fs=FS, leads=["II", "V5"]).leads == ("II", "V5")


def test_it_joins_rows_that_straddle_blocks(monkeypatch):
    monkeypatch.setattr("inference.files.csv_record._BLOCK_CHARACTERS", 37)
    text = "time_s,II\n" + column(f"{i / FS:.3f},{v}" for i, v in enumerate(WAVE_MV))
    record = read(text.replace("\n", "\r\n") + "\r\n" * 50)
    assert record.fs == FS
    np.testing.assert_array_equal(record.samples[:, 0], np.rint(WAVE_MV * 1000))


def test_it_reads_a_single_sample():
    assert read("0.1\n", fs=FS).samples.tolist() == [[100]]
