"""The signals that virtual devices replay."""

import json

import numpy as np
import pytest
import wfdb

from devices.ecg_model import synthesise
from devices.simulator.lineup import read_tokens, record_sources, script_sources
from devices.simulator.scripts import BASELINE, GAIN, SCRIPT_NAMES, close_loop
from devices.simulator.source import SignalSource, SourceError
from devices.simulator.wfdb_source import find_records, wfdb_source


def write_record(folder, name="r1", *, fs=360, gains=(200.0, 200.0), n=3600):
    mv = np.stack([np.sin(np.arange(n) / 50), np.cos(np.arange(n) / 80)], axis=1)
    adu = np.rint(mv * np.array(gains) + 1024).astype(np.int64)
    wfdb.wrsamp(
        name,
        fs=fs,
        units=["mV", "mV"],
        sig_name=["MLII", "a very long näme"],
        d_signal=adu,
        fmt=["16", "16"],
        adc_gain=list(gains),
        baseline=[1024, 1024],
        write_dir=str(folder),
    )
    return adu


def test_it_replays_a_record_bit_for_bit(tmp_path):
    adu = write_record(tmp_path)
    (source,) = record_sources(tmp_path, count=1, fs=None, endless=False)
    assert (source.fs, source.gain, source.baseline) == (360, 200.0, 1024)
    assert source.leads == ("MLII", "a very l")
    assert source.length == 3600
    assert np.array_equal(source.read(100, 500), adu[100:600])
    assert source.read(3500, 500).shape == (100, 2)


def test_it_replays_a_real_record_bit_for_bit(ecg_data):
    source = wfdb_source(ecg_data / "mitdb" / "208")
    reference = wfdb.rdrecord(str(ecg_data / "mitdb" / "208"), physical=False)
    assert np.array_equal(source.adu, reference.d_signal)


def test_it_begins_again_at_the_end_of_a_loop(tmp_path):
    adu = write_record(tmp_path)
    source = wfdb_source(tmp_path / "r1", endless=True)
    assert source.length is None
    assert np.array_equal(
        source.read(3500, 200), np.concatenate((adu[-100:], adu))[:200]
    )


def test_it_resamples_to_the_asked_fs(tmp_path):
    write_record(tmp_path)
    source = wfdb_source(tmp_path / "r1", fs=250)
    assert source.fs == 250
    assert len(source.adu) == 2500
    # 5 s into the record, away from the filter's edges.
    assert (
        abs(int(source.adu[1250, 0]) - int(wfdb_source(tmp_path / "r1").adu[1800, 0]))
        <= 1
    )


def test_it_brings_all_leads_to_one_gain(tmp_path):
    adu = write_record(tmp_path, gains=(200.0, 400.0))
    source = wfdb_source(tmp_path / "r1")
    assert source.gain == 200.0
    assert np.array_equal(source.adu[:, 0], adu[:, 0])
    assert np.allclose(source.adu[:, 1] - 1024, (adu[:, 1] - 1024) / 2, atol=0.51)


def test_it_deals_records_out_in_turn(tmp_path):
    write_record(tmp_path, "a")
    write_record(tmp_path, "b")
    sources = record_sources(tmp_path, count=3, fs=None, endless=True)
    assert [source.name for source in sources] == ["a", "b", "a"]


def test_it_says_which_folder_has_no_records(tmp_path):
    with pytest.raises(SourceError, match="No WFDB records in"):
        find_records(tmp_path)
    with pytest.raises(SourceError, match="neither a folder nor a WFDB record"):
        find_records(tmp_path / "nowhere")


@pytest.mark.parametrize("script", SCRIPT_NAMES)
def test_it_synthesises_every_script_as_an_endless_signal(script):
    (source,) = script_sources([script], count=1, fs=250)
    assert source.endless
    assert source.name == script
    assert len(source.adu) > 250 * 250
    steps = np.abs(np.diff(source.read(0, 2 * len(source.adu)), axis=0))
    # The seam is no larger a step than the beats themselves make.
    assert steps[len(source.adu) - 1] <= np.max(steps[:1000]) + 50


def test_it_keeps_the_rhythm_across_the_seam():
    synthetic = synthesise("sinus", fs=250, seconds=60, seed=3)
    mv = close_loop(synthetic, fs=250)
    twice = np.concatenate((mv, mv))
    peaks = np.flatnonzero(
        (twice[1:-1] > 0.7) & (twice[1:-1] >= twice[:-2]) & (twice[1:-1] > twice[2:])
    )
    rr_s = np.diff(peaks) / 250
    assert rr_s.min() > 0.7
    assert rr_s.max() < 1.0


def test_it_flags_lead_off_and_noise_where_they_are():
    (lead_off,) = script_sources(["lead_off"], count=1, fs=250)
    rail = np.abs((lead_off.adu[:, 0] - BASELINE) / GAIN) > 1.99
    second = int(np.flatnonzero(rail)[0]) + 250
    assert lead_off.flags_of(second, 250) == ("lead_off",)
    assert lead_off.flags_of(0, 250) == ()
    (noise,) = script_sources(["noise"], count=1, fs=250)
    noisy = [
        second for second in range(60) if "noisy" in noise.flags_of(second * 250, 250)
    ]
    assert 12 <= len(noisy) <= 25


def test_it_lets_many_devices_share_a_loop_out_of_step():
    sources = script_sources(["sinus"], count=9, fs=250)
    starts = {source.read(0, 500).tobytes() for source in sources}
    assert len(starts) == 9
    assert sources[0].adu is sources[4].adu


def test_it_refuses_unknown_scripts_and_wrong_shapes():
    with pytest.raises(SourceError, match="No script is called 'tango'"):
        script_sources(["tango"], count=1, fs=250)
    with pytest.raises(SourceError, match="lead names"):
        SignalSource(np.zeros((10, 2), np.int16), 250, 1000.0, 0, ("I",))


def test_it_reads_tokens_and_names_the_line_that_is_wrong(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(json.dumps({"serial": "A", "token": "t"}) + "\n\n")
    assert read_tokens(path) == [("A", "t")]
    path.write_text('{"serial": "A", "token": "t"}\n{"serial": "B"}\n')
    with pytest.raises(SourceError, match="line 2"):
        read_tokens(path)
