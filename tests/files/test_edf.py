"""EDF and EDF+ files: what is a lead, its scale and rate, gaps, and what is wrong."""

import io
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyedflib
import pytest

from devices.ecg_model import synthesise
from inference.files.analysis import analyse_record
from inference.files.csv_record import read_csv
from inference.files.edf_record import read_edf
from inference.files.record import MISSING, FileError
from inference.nets import nets
from tests.files.edf_files import FS, discontinuous, write

# 1 uV per adu, as in a CSV file in mV.
MICROVOLTS = {"physical_max": 32767, "physical_min": -32767}
MICROVOLTS |= {"digital_max": 32767, "digital_min": -32767}
MV = synthesise("pvc", fs=FS, seconds=40).mv.astype(np.float64)


def opened(path: Path):
    return io.BytesIO(path.read_bytes())


def test_it_finds_the_same_beats_as_in_a_csv_file(tmp_path):
    path = write(
        tmp_path, {"ECG II": np.rint(1000 * MV)}, units={"ECG II": "uV"}, **MICROVOLTS
    )
    edf = read_edf(opened(path), name="night")
    text = "".join(f"{value:.3f}\n" for value in MV)
    csv = read_csv(io.BytesIO(f"II\n{text}".encode()), fs=FS)
    assert (edf.fs, edf.leads, edf.gain, edf.baseline) == (FS, ("II",), 1000, 0)
    np.testing.assert_array_equal(edf.samples, csv.samples)
    found, expected = (analyse_record(record, nets=nets()) for record in (edf, csv))
    assert len(found.beats.samples) > 40
    np.testing.assert_array_equal(found.beats.samples, expected.beats.samples)
    np.testing.assert_array_equal(found.beats.classes, expected.beats.classes)


@pytest.mark.parametrize(
    ("unit", "factor"), [("mV", 1), ("uV", 1e3), ("V", 1e-3), ("UV", 1e3)]
)
def test_it_knows_units(tmp_path, unit, factor):
    limits = {"physical_max": 8 * factor, "physical_min": -4 * factor}
    path = write(tmp_path, {"ECG": factor * MV}, units={"ECG": unit}, **limits)
    record = read_edf(opened(path))
    np.testing.assert_allclose(record.signal_mv(0, 0, len(MV)), MV, atol=2e-4)


def test_it_reads_what_pyedflib_reads(tmp_path):
    path = write(tmp_path, {"ECG V1": MV, "ECG V2": -MV}, notes=((3.5, "turned"),))
    record = read_edf(opened(path))
    with pyedflib.EdfReader(str(path)) as reader:
        for channel in range(2):
            np.testing.assert_allclose(
                record.signal_mv(channel, 0, len(MV)),
                reader.readSignal(channel),
                atol=6e-4,
            )
    assert record.leads == ("V1", "V2")
    assert record.started_at == datetime(2026, 3, 1, 22, 15, tzinfo=UTC)


def test_it_takes_the_ecg_of_a_sleep_study(tmp_path):
    signals = {"EEG Fpz-Cz": 0 * MV, "EMG chin": 0 * MV, "EKG": MV, "Resp": 0 * MV}
    units = {"EEG Fpz-Cz": "uV", "EMG chin": "uV", "Resp": "mV"}
    record = read_edf(opened(write(tmp_path, signals, units=units)))
    assert (record.leads, record.channels) == (("EKG",), (2,))


def test_it_takes_signals_without_a_known_name_by_their_unit(tmp_path):
    signals = {"Ch 1": MV, "EEG": MV, "SpO2": MV, "Ch 2": MV}
    units = {"SpO2": "%", "Ch 2": "uV"}
    record = read_edf(opened(write(tmp_path, signals, units=units)))
    assert (record.leads, record.channels) == (("Ch 1", "Ch 2"), (0, 3))


def test_it_reads_one_lead_alone(tmp_path):
    path = write(tmp_path, {"ECG I": MV, "ECG II": -MV})
    for name in ("ii", "ECG II"):
        record = read_edf(opened(path), lead=name)
        assert (record.leads, record.channel(0)) == (("II",), 1)
        np.testing.assert_allclose(record.signal_mv(0, 0, len(MV)), -MV, atol=6e-4)
    with pytest.raises(FileError, match="no lead 'V9'; the record has I, II"):
        read_edf(opened(path), lead="V9")


def test_it_keeps_a_signal_that_is_turned_round(tmp_path):
    data = bytearray(write(tmp_path, {"ECG": MV}).read_bytes())
    # The limits of the first of two signals: physical maximum and minimum swapped.
    low, high = (slice(256 + at * 2, 256 + at * 2 + 8) for at in (104, 112))
    data[low], data[high] = data[high], data[low]
    record = read_edf(io.BytesIO(data))
    np.testing.assert_allclose(record.signal_mv(0, 0, len(MV)), -MV, atol=1e-3)


@pytest.mark.parametrize(("true_fs", "fs"), [(199.8, 200), (2048, 500), (256.5, 256)])
def test_it_resamples_a_rate_that_the_analysis_does_not_take(tmp_path, true_fs, fs):
    at_s = np.arange(int(60 * true_fs)) / true_fs
    slow = np.sin(2 * np.pi * 5 * at_s)
    path = write(tmp_path, {"ECG": slow}, fs=true_fs)
    record = read_edf(opened(path))
    assert record.fs == fs
    assert record.duration_s == pytest.approx(60, abs=0.02)
    expected = np.sin(2 * np.pi * 5 * np.arange(len(record.samples)) / fs)
    inner = slice(fs, -fs)
    found = record.signal_mv(0, 0, len(expected))
    np.testing.assert_allclose(found[inner], expected[inner], atol=0.01)


def test_it_brings_leads_to_one_rate(tmp_path):
    path = write(tmp_path, {"ECG I": MV, "ECG II": MV[::2]}, fs=[250, 125])
    record = read_edf(opened(path))
    assert (record.fs, record.samples.shape) == (250, (len(MV), 2))
    difference = np.abs(record.samples[500:-500, 0] - record.samples[500:-500, 1])
    assert difference.mean() < 30  # 0.009 mV: what lies above 62 Hz is lost


def test_it_leaves_gaps_of_a_discontinuous_file_empty(tmp_path):
    path = write(tmp_path, {"ECG": MV})
    onsets = [*range(10), *(k + 25.5 for k in range(10, 40))]
    record = read_edf(discontinuous(path, [k + 0.25 for k in onsets]))
    assert record.duration_s == 65.5
    signal = record.signal_mv(0, 0, len(record.samples))
    assert np.isnan(signal[10 * FS : round(35.5 * FS)]).all()
    np.testing.assert_allclose(signal[: 10 * FS], MV[: 10 * FS], atol=6e-4)
    np.testing.assert_allclose(signal[-30 * FS :], MV[10 * FS :], atol=6e-4)
    assert record.started_at == datetime(2026, 3, 1, 22, 15, 0, 250_000, tzinfo=UTC)


def test_it_lets_starts_of_records_be_rounded(tmp_path):
    path = write(tmp_path, {"ECG": MV})
    record = read_edf(
        discontinuous(
            path,
            [round(k * 1.0003, 3) for k in range(4)] + [float(k) for k in range(4, 40)],
        )
    )
    assert not (record.samples == MISSING).any()
    assert len(record.samples) == len(MV)


def test_it_refuses_parts_that_are_not_in_order(tmp_path):
    path = write(tmp_path, {"ECG": MV})
    with pytest.raises(FileError, match="record 11 .* begins at 3 s, before"):
        read_edf(discontinuous(path, [*range(10), *range(3, 33)]))


def test_it_refuses_a_gap_that_no_memory_holds(tmp_path):
    path = write(tmp_path, {"ECG": MV})
    with pytest.raises(FileError, match="more than can be read. Cut it"):
        read_edf(discontinuous(path, [*range(39), 9_000_000]))
    with pytest.raises(FileError, match="more than can be read"):
        read_edf(opened(path), max_values=1000)


def test_it_asks_no_date_that_was_made_unknown(tmp_path):
    start = datetime(1985, 1, 1)  # noqa: DTZ001
    assert (
        read_edf(opened(write(tmp_path, {"ECG": MV}, start=start))).started_at is None
    )


def damaged(path: Path, at: int, text: bytes) -> io.BytesIO:
    data = bytearray(path.read_bytes())
    data[at : at + len(text)] = text
    return io.BytesIO(data)


@pytest.mark.parametrize(
    ("at", "text", "message"),
    [
        (0, b"RIFF    ", "no EDF file"),
        (0, b"\xffBIOSEMI", "BDF file, which has 24 bits. Export it as EDF"),
        (244, b"soon    ", "'soon' for the duration of a data record"),
        (244, b"0       ", "data records of 0 s"),
        (236, b"nan     ", "'nan' for the number of data records"),
        (252, b"9999", "promises 9999 signals"),
        (252, b"40  ", "promises 40 signals"),
        (256 + 2 * 216, b"-5      ", "'ECG' has -5 samples"),
        (256 + 2 * 216, b"99999999", "cannot be read"),
        (256 + 2 * 96, b"furlong ", "no ECG signal in mV or uV, only 'ECG' in 'furl"),
        (256 + 2 * 104, b"10      ", "are 10 to 10 mV, which gives no scale"),
    ],
)
def test_it_says_what_is_wrong_with_a_header(tmp_path, at, text, message):
    path = write(tmp_path, {"ECG": MV})
    with pytest.raises(FileError, match=message):
        read_edf(damaged(path, at, text))


def test_it_refuses_a_rate_that_is_too_low(tmp_path):
    path = write(tmp_path, {"ECG": MV[::4]}, fs=64)
    with pytest.raises(FileError, match="64 Hz; the analysis needs at least 100 Hz"):
        read_edf(opened(path))


@pytest.mark.parametrize("kept", [0, 100, 300, 800, -1])
def test_it_refuses_a_file_that_is_cut_off(tmp_path, kept):
    data = write(tmp_path, {"ECG": MV}).read_bytes()
    with pytest.raises(FileError, match="cut off|no EDF file"):
        read_edf(io.BytesIO(data[:kept]))


def test_it_reads_what_an_interrupted_recorder_left(tmp_path):
    data = bytearray(write(tmp_path, {"ECG": MV}).read_bytes())
    data[236:244] = b"-1      "
    record = read_edf(io.BytesIO(data[:-100]))
    assert record.duration_s == 39


def test_it_survives_any_bytes(tmp_path):
    data = write(tmp_path, {"ECG": MV[:2500]}).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(data)
        for at in rng.integers(0, 768, 4):
            changed[at] = rng.integers(32, 127)
        with suppress(FileError):
            read_edf(io.BytesIO(changed), max_values=10_000_000)
