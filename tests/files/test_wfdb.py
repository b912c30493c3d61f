"""WFDB records in, samples out."""

from datetime import UTC, datetime

import numpy as np
import pytest
import wfdb

from inference.files.record import MISSING, FileError
from inference.files.wfdb_record import read_wfdb
from tests.files.wfdb_records import N, adu_of, write


@pytest.mark.parametrize(
    "name", ["mitdb/100", "mitdb/114", "svdb/800", "training2017/A00001"]
)
def test_it_keeps_the_samples_of_published_records(ecg_data, name):
    record = read_wfdb(ecg_data / name)
    truth = wfdb.rdrecord(str(ecg_data / name), physical=False)
    np.testing.assert_array_equal(record.samples, truth.d_signal)
    assert (record.fs, record.gain) == (truth.fs, truth.adc_gain[0])
    assert record.samples.dtype == np.int16


def test_it_reads_one_lead_by_name_in_any_case(tmp_path):
    adu = write(tmp_path, adu=adu_of(3))
    record = read_wfdb(tmp_path / "r1", lead="v5")
    assert record.leads == ("V5",)
    np.testing.assert_array_equal(record.samples, adu[:, 1:2])
    with pytest.raises(FileError, match="the record has II, V5, V1"):
        read_wfdb(tmp_path / "r1.hea", lead="aVF")


@pytest.mark.parametrize("span", [1, 333, N])
def test_it_reads_in_spans_of_any_length(tmp_path, monkeypatch, span):
    monkeypatch.setattr("inference.files.wfdb_record._SPAN", span)
    adu = write(tmp_path, adu=adu_of(2, n=N if span > 1 else 20), fmt=["212"] * 2)
    np.testing.assert_array_equal(read_wfdb(tmp_path / "r1").samples, adu)


def test_it_takes_gain_0_as_200(tmp_path):
    write(tmp_path)
    header = tmp_path / "r1.hea"
    header.write_text(header.read_text().replace("200.0(0)/mV", "0"))
    assert " 0 " in header.read_text()
    assert read_wfdb(tmp_path / "r1").gain == 200


def test_it_marks_what_the_record_does_not_hold(tmp_path):
    adu = adu_of()
    adu[100:200] = -32768
    write(tmp_path, adu=adu)
    record = read_wfdb(tmp_path / "r1")
    assert (record.samples[100:200] == MISSING).all()
    assert np.isnan(record.signal_mv(0, 100, 200)).all()
    assert np.isfinite(record.signal_mv(0, 0, 100)).all()


def test_it_writes_other_leads_with_the_gain_of_the_first(tmp_path):
    adu = write(
        tmp_path,
        adu=adu_of(3),
        adc_gain=[200.0, 100.0, 0.2],
        baseline=[0, 50, 0],
        units=["mV", "mV", "uV"],
    )
    record = read_wfdb(tmp_path / "r1")
    np.testing.assert_array_equal(record.samples[:, 0], adu[:, 0])
    np.testing.assert_array_equal(record.samples[:, 1], (adu[:, 1] - 50) * 2)
    np.testing.assert_array_equal(record.samples[:, 2], adu[:, 2])


def test_it_leaves_out_signals_that_are_no_ecg(tmp_path):
    write(tmp_path, adu=adu_of(2), units=["mmHg", "mV"], sig_name=["ABP", "II"])
    assert read_wfdb(tmp_path / "r1").leads == ("II",)
    write(tmp_path, "r2", units=["mmHg"])
    with pytest.raises(FileError, match="no ECG signal in mV, only units mmHg"):
        read_wfdb(tmp_path / "r2")


def test_it_fits_wide_samples_into_int16(tmp_path):
    adu = adu_of() * 4000 + 3_000_000
    write(tmp_path, adu=adu, fmt=["32"], adc_gain=[1e6])
    record = read_wfdb(tmp_path / "r1")
    signal = record.signal_mv(0, 0, N)
    np.testing.assert_allclose(signal, adu[:, 0] / 1e6, atol=1 / record.gain)
    assert record.gain > 10_000


def test_it_reads_records_of_several_segments(tmp_path):
    first, second = write(tmp_path, "s1"), write(tmp_path, "s2", adu=adu_of() + 7)
    lines = ["multi/2 1 250 2000", "s1 1000", "s2 1000", ""]
    (tmp_path / "multi.hea").write_text("\n".join(lines))
    record = read_wfdb(tmp_path / "multi")
    np.testing.assert_array_equal(record.samples, np.concatenate([first, second]))


def test_it_takes_the_start_as_utc(tmp_path):
    write(tmp_path, base_datetime=datetime(2024, 5, 6, 7, 8, 9))  # noqa: DTZ001
    record = read_wfdb(tmp_path / "r1")
    assert record.started_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fs", "found"),
    [(99, "100 to 1000"), (1001.5, "100 to 1000"), (250.5, "not a whole number")],
)
def test_it_refuses_an_fs_it_cannot_analyse(tmp_path, fs, found):
    write(tmp_path, fs=fs)
    with pytest.raises(FileError, match=found):
        read_wfdb(tmp_path / "r1")


def test_it_takes_an_fs_that_is_almost_whole(tmp_path):
    write(tmp_path, fs=249.99)
    assert read_wfdb(tmp_path / "r1").fs == 250


def test_it_names_a_missing_or_cut_file(tmp_path):
    with pytest.raises(FileError, match=r"There is no .*r1\.hea"):
        read_wfdb(tmp_path / "r1")
    write(tmp_path)
    samples = tmp_path / "r1.dat"
    samples.write_bytes(samples.read_bytes()[:-10])
    with pytest.raises(FileError, match="has 1,990 bytes.*promises 2,000"):
        read_wfdb(tmp_path / "r1")
    samples.unlink()
    with pytest.raises(FileError, match=r"names r1\.dat, which is missing"):
        read_wfdb(tmp_path / "r1")


@pytest.mark.parametrize(
    "header", ["", "\x00\x01\x02", "r1 1 250 1000\n", "r1 x y z\nr1.dat 16\n"]
)
def test_it_refuses_what_is_no_header(tmp_path, header):
    (tmp_path / "r1.hea").write_text(header)
    with pytest.raises(FileError, match=r"r1\.hea"):
        read_wfdb(tmp_path / "r1")


def test_it_refuses_more_values_than_allowed(tmp_path):
    write(tmp_path, adu=adu_of(2))
    with pytest.raises(FileError, match="1,000 samples of 2 leads"):
        read_wfdb(tmp_path / "r1", max_values=1999)
