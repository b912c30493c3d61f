"""``manage.py analyse``: files in, WFDB annotations out, no server, no database."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import wfdb
from django.core.management import CommandError, call_command

from devices.ecg_model import synthesise
from inference.files import analysis
from inference.files.record import FileRecord
from inference.nets import nets
from inference.rhythm import RHYTHM_WORDS
from tests.files.edf_files import write as write_edf
from tests.files.wfdb_records import write

ROOT = Path(__file__).resolve().parent.parent.parent
# Nothing listens there: a command that asks for a server fails.
NO_SERVERS = {
    "DATABASE_URL": "postgres://nobody:no@127.0.0.1:9/none",
    "REDIS_URL": "redis://127.0.0.1:9/0",
}
FS = 250


def analyse(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "analyse", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | NO_SERVERS,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def cut(ecg_data, tmp_path_factory) -> Path:
    """Return two minutes of mitdb 208, which has V beats, with both leads."""
    folder = tmp_path_factory.mktemp("cut")
    record = wfdb.rdrecord(
        str(ecg_data / "mitdb" / "208"), sampto=120 * 360, physical=False
    )
    wfdb.wrsamp(
        "cut208",
        fs=360,
        units=record.units,
        sig_name=record.sig_name,
        fmt=["16", "16"],
        adc_gain=record.adc_gain,
        baseline=record.baseline,
        d_signal=record.d_signal.astype(np.int64),
        write_dir=str(folder),
    )
    return folder / "cut208"


def test_it_writes_annotations_that_agree_with_the_published_ones(
    cut, ecg_data, tmp_path
):
    result = analyse(cut, "--output", tmp_path / "out", "--json")
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["errors"] == []
    [summary] = answer["records"]
    read = wfdb.rdann(str(tmp_path / "out" / "cut208"), "tc")
    is_beat = np.isin(read.symbol, list("NSVFQ"))
    beats, symbols = read.sample[is_beat], np.array(read.symbol)[is_beat]
    assert (np.diff(read.sample) > 0).all()
    assert read.fs == 360

    truth = wfdb.rdann(str(ecg_data / "mitdb" / "208"), "atr", sampto=120 * 360 - 1)
    of_beats = np.isin(truth.symbol, list("NVFQ"))
    expected = truth.sample[of_beats]
    nearest = np.abs(beats[:, np.newaxis] - expected).min(axis=0)
    assert (nearest <= 0.15 * 360).mean() >= 0.98
    assert len(beats) <= 1.02 * len(expected)

    assert summary["beat_count"] == len(beats)
    assert summary["beats"]["V"] == (symbols == "V").sum() > 20
    assert summary["duration_s"] == 120
    assert summary["lead"] == "MLII"
    assert summary["annotator"].startswith("tc-")
    assert 80 < summary["heart_rate_mean_bpm"] < 120
    assert "ventricular" in summary["suggestion"]
    assert Path(summary["annotations"]) == tmp_path / "out" / "cut208.tc"


def test_it_takes_the_lead_that_is_named(cut, tmp_path, capsys):
    call_command("analyse", str(cut), "--lead", "v1", "--output", str(tmp_path))
    out = capsys.readouterr().out
    assert "(V1, 360 Hz)" in out
    assert "show to a doctor" in out
    assert set(wfdb.rdann(str(tmp_path / "cut208"), "tc").chan) == {1}


def test_it_goes_on_behind_a_record_that_fails(tmp_path):
    synthetic = synthesise("vt", fs=FS, seconds=60)
    good = tmp_path / "good.csv"
    good.write_text("II\n" + "".join(f"{value:.3f}\n" for value in synthetic.mv))
    bad = tmp_path / "bad.csv"
    bad.write_text("II\n0.1\n0.2\nx\n")
    (tmp_path / "twice").mkdir()
    twice = tmp_path / "twice" / "good.csv"
    twice.write_text(good.read_text())
    options = ["--fs", FS, "--output", tmp_path / "out", "--json"]
    result = analyse(bad, tmp_path / "none", good, twice, *options)
    assert result.returncode == 1
    answer = json.loads(result.stdout)
    assert [record["name"] for record in answer["records"]] == ["good"]
    assert f"{bad}: Row 4, column 1 (II): found 'x'" in result.stderr
    assert f"There is no {tmp_path}/none.hea" in result.stderr
    assert f"holds the annotations of {good} already" in result.stderr
    assert len(answer["errors"]) == 3
    assert "3 of 4 records" in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.tc"]
    [summary] = answer["records"]
    assert "VT" in {episode["label"] for episode in summary["episodes"]}
    notes = wfdb.rdann(str(tmp_path / "out" / "good"), "tc").aux_note
    assert "(VT" in notes
    assert notes.index("(VT") < len(notes) - 1 - notes[::-1].index("(N")


def test_it_summarises_minutes_hours_and_days_of_an_edf_file(tmp_path, capsys):
    mv = synthesise("pvc", fs=FS, seconds=150).mv
    path = write_edf(tmp_path, {"ECG I": -mv, "ECG II": mv})
    options = ["--lead", "II", "--output", str(tmp_path), "--json", "--minutes"]
    call_command("analyse", str(path), *options)
    [summary] = json.loads(capsys.readouterr().out)["records"]
    assert (summary["lead"], summary["fs"]) == ("II", FS)
    assert [len(summary[name]) for name in ("minutes", "hours", "days")] == [3, 1, 1]
    assert [minute["onset_s"] for minute in summary["minutes"]] == [0, 60, 120]
    counts = [minute["beats"]["V"] for minute in summary["minutes"]]
    assert sum(counts) == summary["beats"]["V"] > 10
    assert summary["hours"][0]["rmssd_ms"] == summary["rmssd_ms"] > 0
    rhythm = summary["rhythm"]
    assert rhythm["words"] in RHYTHM_WORDS
    assert rhythm["windows"] == 5
    assert 0 < rhythm["probability"] <= 1
    read = wfdb.rdann(str(tmp_path / "night"), "tc")
    assert set(read.chan) == {1}
    assert np.isin(read.symbol, list("NSVFQ")).sum() == summary["beat_count"]


def test_it_says_what_is_wrong_with_an_edf_file(tmp_path):
    path = write_edf(tmp_path, {"ECG": np.zeros(10 * FS)})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CommandError, match="1 of 1 records"):
        call_command("analyse", str(path), "--output", str(tmp_path))


def test_it_analyses_what_is_short_or_flat_or_missing(tmp_path, capsys):
    write(tmp_path, "flat", adu=np.zeros((5 * FS, 1), np.int64))
    write(tmp_path, "gone", adu=np.full((5 * FS, 1), -32768))
    write(tmp_path, "half", adu=np.full((FS // 2, 1), 300))
    write(tmp_path, "one", adu=np.ones((1, 1), np.int64))
    names = ["flat", "gone", "half", "one"]
    records = [str(tmp_path / name) for name in names]
    call_command("analyse", *records, "--output", str(tmp_path), "--json")
    for summary in json.loads(capsys.readouterr().out)["records"]:
        assert summary["beat_count"] == 0
        assert "record again" in summary["suggestion"]
        read = wfdb.rdann(str(tmp_path / summary["name"]), "tc")
        assert read.aux_note[0].rstrip("\0") == "(N"


def test_it_gives_the_same_beats_in_spans_of_any_length(monkeypatch):
    mv = synthesise("pvc", fs=FS, seconds=100.3).mv
    record = FileRecord(
        name="r1",
        fs=FS,
        leads=("II",),
        gain=1000,
        baseline=0,
        samples=np.rint(mv[:, np.newaxis] * 1000).astype(np.int16),
    )
    results, steps = [], []
    for span_s in (600, 7):
        monkeypatch.setattr(analysis, "SPAN_S", span_s)
        done: list[int] = []
        results.append(
            analysis.analyse_record(record, nets=nets(), progress=done.append)
        )
        steps.append(done)
    np.testing.assert_array_equal(results[0].beats.samples, results[1].beats.samples)
    np.testing.assert_array_equal(results[0].beats.classes, results[1].beats.classes)
    assert results[0].episodes == results[1].episodes
    assert results[0].quality_words == results[1].quality_words
    assert [sum(done) for done in steps] == [len(mv), len(mv)]
