"""The benchmark of stored history measures what it says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.coders import coder_figures, measured_signal
from bench.footprint_of_history import bytes_on_disk, checkpoint_bytes, per_sample
from bench.ingest.own_servers import OwnServers
from bench.stored_history import Cold


def test_it_compares_coders_that_lose_nothing() -> None:
    adu, told = measured_signal(None)
    assert "synthetic" in told
    assert np.abs(adu).max() <= 2048
    found = coder_figures(adu[:75_000])
    assert {"flac", "zlib of deltas"} <= set(found)
    assert 0 < found["flac"]["bytes_per_sample"] < 1.3


def test_it_keeps_the_measure_of_the_goal_apart_from_all_that_is_kept() -> None:
    found = per_sample({"signal": 70, "beats": 20}, {"alarms": 5, "slack": 10}, 100)
    assert found["bytes_per_sample"] == {
        "signal": 0.7,
        "beats": 0.2,
        "total": 0.9,
        "with_everything": 1.05,
    }
    assert found["bytes_per_sample_besides"] == {"alarms": 0.05, "slack": 0.1}


def test_it_counts_a_checkpoint_in_every_four_hours() -> None:
    hours = 3600 * 250
    # Of 12 h two were thinned out; three are what as much of a long record takes.
    assert checkpoint_bytes([900, 1100], samples=12 * hours, fs=250) == 3000
    assert checkpoint_bytes([], samples=hours, fs=250) == 0


def test_it_counts_blocks_and_not_lengths(tmp_path: Path) -> None:
    hole, file = tmp_path / "hole", tmp_path / "file"
    with hole.open("wb") as empty:
        empty.truncate(1 << 20)
    with file.open("wb") as full:
        full.write(os.urandom(10_001))
        full.flush()
        os.fsync(full.fileno())
    assert bytes_on_disk([hole]) < 1 << 20
    assert bytes_on_disk([file]) > 10_001
    assert bytes_on_disk([hole, file]) == bytes_on_disk([hole]) + bytes_on_disk([file])


def test_it_says_what_stays_warm(tmp_path: Path) -> None:
    # Nothing runs there, and nothing is asked of it.
    servers = OwnServers(tmp_path, {})
    cold = Cold(servers, each=False)
    cold.forget([])
    told = cold.as_json()
    assert (told["dropped_caches"], told["postgres_restarts"]) == (False, 0)
    assert "names of files" in told["warm"]


@pytest.mark.slow
def test_it_measures_a_history_from_upload_to_verify() -> None:
    command = [sys.executable, "-m", "bench.storage", "--json", "--days", "0.02"]
    command += ["--analysed-hours", "0.2", "--reads", "5", "--packet-s", "2"]
    command += ["--cold-once"]
    environment = {k: v for k, v in os.environ.items() if k != "TELECARDIO_DATA"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    cost = found["bytes_per_sample"]
    everything, total = cost.pop("with_everything"), cost.pop("total")
    assert total == pytest.approx(sum(cost.values()), abs=1e-3)
    besides = found["bytes_per_sample_besides"]
    assert {"episodes", "alarms", "alarm_changes", "hours"} <= set(besides)
    assert {"anchors", "analysis_state", "slack_of_files"} <= set(besides)
    assert everything == pytest.approx(total + sum(besides.values()), abs=2e-3)
    assert found["files"]["bytes_on_disk"] > found["files"]["bytes"]
    assert found["checkpoints_counted"] is False
    assert found["verify"]["damage"] == 0
    assert found["duplicate_of_day_1"]["verdicts"] == {"duplicate": 100}
    assert found["reading"]["window_30_s_ms"]["p95"] > 0
    assert found["reading"]["overview_of_all_first_ms"] > 0
    assert found["cold"]["postgres_restarts"] == 1
    assert found["cold"]["dropped_caches"] is False
    assert found["compacting"]["segments"] == 3
