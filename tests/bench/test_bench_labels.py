"""The benchmark of live labels measures what it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_it_measures_the_workers_on_servers_of_its_own() -> None:
    words = ["--json", "--records", "8", "--seconds", "4", "--warm-up", "3"]
    run = subprocess.run(
        [sys.executable, "-m", "bench.labels", *words, "--finished", "20"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["unlabelled"] == 0
    assert found["drained"]
    assert set(found["durability"].values()) == {"on"}
    assert 0 < found["label_ms"]["p50"] <= found["label_ms"]["p99"]
    assert {"worker", "postgres", "redis", "feeder"} <= set(found["cpu_s"])
    assert found["cpu_ms_per_record_and_s"] > 0
    assert found["wal_bytes_per_record_and_s"] > 0
    assert found["pss_mb"]["worker"] > 0
