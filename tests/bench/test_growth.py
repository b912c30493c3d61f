"""How cost grows with devices: a row of figures for each size."""

import pytest

from bench.live import growth
from bench.live.exit_status import exit_status
from bench.live.options import Options


def options(seconds: float = 4.0) -> Options:
    return Options(2, seconds, 1.0, 1, 3.0, "binary", None)


@pytest.mark.slow
def test_it_yields_a_row_per_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "SIZES", ((2, 1), (4, 2)))
    rows = list(growth.grow(options()))
    assert [(row["devices"], row["viewers"]) for row in rows] == [(2, 1), (4, 2)]
    for row in rows:
        assert "failed" not in row
        assert (row["lost"], row["acked"]) == (0, row["packets"])
        assert row["cpu"]["ms_per_device_and_s_in_all"] > 0
        assert row["memory"]["worker"]["end_mb"] > 0
        assert exit_status(row) == row["answer_timeouts"] == 0
        for name in ("failed_polls", "sockets_closed", "segments"):
            assert row[name] == 0, name
        for name in ("frames_missing", "labels_missing"):
            assert row[name] >= 0, name


def test_it_says_which_size_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "SIZES", ((2, 1),))
    [row] = growth.grow(options(seconds=-1.0))
    assert row["devices"] == 2
    assert "without figures" in row["failed"]
    assert exit_status(row) == 1
