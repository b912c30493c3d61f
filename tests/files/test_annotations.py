"""Annotation files that WFDB tools read."""

import numpy as np
import pytest
import wfdb

from inference.files.annotations import annotation_name, write_annotations
from tests.files.findings import FS, beats_of, episode, findings_of


def written(tmp_path, findings, *, seconds: float = 60, channel: int = 0):
    n = round(seconds * FS)
    path = write_annotations(
        findings, folder=tmp_path / "out", name="r1", fs=FS, n=n, channel=channel
    )
    assert path == tmp_path / "out" / "r1.tc"
    read = wfdb.rdann(str(path.with_suffix("")), "tc")
    assert (np.diff(read.sample) > 0).all()
    assert read.fs == FS
    return read


def rows(annotation, symbol: str) -> list[tuple[float, str]]:
    found = zip(annotation.sample, annotation.symbol, annotation.aux_note, strict=True)
    return [(s / FS, note) for s, sym, note in found if sym == symbol]


def test_it_writes_every_beat_at_its_r_peak(tmp_path):
    beats = beats_of("NSVFQ" * 8)
    read = written(tmp_path, findings_of(beats))
    is_beat = np.isin(read.symbol, list("NSVFQ"))
    np.testing.assert_array_equal(read.sample[is_beat], beats.samples)
    assert "".join(np.array(read.symbol)[is_beat]) == "NSVFQ" * 8


def test_it_writes_changes_of_rhythm(tmp_path):
    episodes = [
        episode("TACHY", 10.1, 40.1),
        episode("VT", 20.1, 25.1),
        episode("PAUSE", 50.1, None),
        episode("VRUN", 55, 55.1),
    ]
    read = written(tmp_path, findings_of(beats_of("N" * 40), episodes))
    assert [(pytest.approx(t), note) for t, note in rows(read, "+")] == [
        (0, "(N"),
        (10.1, "(TACHY"),
        (20.1, "(VT"),
        (25.1, "(TACHY"),
        (40.1, "(N"),
        (50.1, "(PAUSE"),
        (55, "(VT"),
        (55.1, "(PAUSE"),
    ]


def test_it_names_rhythms_as_wfdb_does(tmp_path):
    labels = ["AF", "SVT", "BIGEMINY", "TRIGEMINY", "PACED", "VT", "VF"]
    episodes = [
        episode(label, 2 * k + 1.1, 2 * k + 2.1) for k, label in enumerate(labels)
    ]
    read = written(tmp_path, findings_of(beats_of("N" * 40), episodes))
    notes = [note for _, note in rows(read, "+") if note != "(N"]
    assert notes == ["(AFIB", "(SVTA", "(B", "(T", "(P", "(VT", "(VFL"]
    ends = [(t, symbol) for symbol in "[]" for t, _ in rows(read, symbol)]
    ends_expected = [(13.1, "["), (14.1, "]")]
    assert ends == [(pytest.approx(at, abs=0.01), end) for at, end in ends_expected]


def test_it_hides_no_af_behind_a_rate_or_a_couplet(tmp_path):
    episodes = [
        episode("AF", 5.1, 30.1),
        episode("TACHY", 8.1, 20.1),
        episode("COUPLET", 9.1, 10.1),
        episode("VRUN", 22.1, 24.1),
    ]
    read = written(tmp_path, findings_of(beats_of("N" * 40), episodes))
    assert [note for _, note in rows(read, "+")] == [
        "(N",
        "(AFIB",
        "(VT",
        "(AFIB",
        "(N",
    ]


def test_it_ends_flutter_with_the_record(tmp_path):
    read = written(tmp_path, findings_of(beats_of("N"), [episode("VF", 3, None)]))
    assert rows(read, "[")[0][0] == pytest.approx(3, abs=0.01)
    assert rows(read, "]") == [(60 - 1 / FS, "")]


def test_it_writes_changes_of_quality(tmp_path):
    words = ["good"] * 5 + ["motion"] * 3 + ["flat"] * 2 + ["good"] * 10
    read = written(tmp_path, findings_of(beats_of("N" * 20), words=words), channel=1)
    times = [round(t) for t, _ in rows(read, "~")]
    assert list(zip(times, [w for _, w in rows(read, "~")], strict=True)) == [
        (5, "motion"),
        (8, "flat"),
        (10, "good"),
    ]
    subtypes = [
        s for s, sym in zip(read.subtype, read.symbol, strict=True) if sym == "~"
    ]
    assert subtypes == [2, 34, 0]
    assert set(read.chan) == {1}


def test_it_moves_a_change_off_a_beat(tmp_path):
    beats = beats_of("NNN", rr_ms=1000)
    read = written(tmp_path, findings_of(beats, [episode("VT", 2, 3)]), seconds=5)
    assert [
        s for s, sym in zip(read.sample, read.symbol, strict=True) if sym == "+"
    ] == [
        0,
        2 * FS + 1,
        3 * FS + 1,
    ]


@pytest.mark.parametrize("seconds", [1 / FS, 0.5])
def test_it_writes_a_file_without_beats(tmp_path, seconds):
    read = written(tmp_path, findings_of(beats_of(""), words=["flat"]), seconds=seconds)
    assert rows(read, "+") == [(0, "(N")]


def test_it_makes_a_name_that_wfdb_allows():
    assert annotation_name("Müller 24.12.") == "M_ller_24_12"
    assert annotation_name("…") == "record"
