"""The benchmark of stored history measures what it says."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from bench.coders import coder_figures, measured_signal


def test_it_compares_coders_that_lose_nothing() -> None:
    adu, told = measured_signal(None)
    assert "synthetic" in told
    assert np.abs(adu).max() <= 2048
    found = coder_figures(adu[:75_000])
    assert {"flac", "zlib of deltas"} <= set(found)
    assert 0 < found["flac"]["bytes_per_sample"] < 1.3


@pytest.mark.slow
def test_it_measures_a_history_from_upload_to_verify() -> None:
    command = [sys.executable, "-m", "bench.storage", "--json", "--days", "0.02"]
    command += ["--analysed-hours", "0.2", "--reads", "5", "--packet-s", "2"]
    environment = {k: v for k, v in os.environ.items() if k != "TELECARDIO_DATA"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    cost = found["bytes_per_sample"]
    assert cost["total"] == pytest.approx(
        sum(part for name, part in cost.items() if name != "total"), abs=1e-3
    )
    assert found["verify"]["damage"] == 0
    assert found["duplicate_of_day_1"]["verdicts"] == {"duplicate": 100}
    assert found["reading"]["window_30_s_ms"]["p95"] > 0
    assert found["compacting"]["segments"] == 3
