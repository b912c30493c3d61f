"""The benchmark of the whole platform under live load measures what it says."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LATENCIES = ("ack_ms", "reply_ms", "frame_ms", "label_ms", "label_stored_ms")
KINDS = {"ingest", "web", "worker", "mail", "beat", "postgres", "redis", "generator"}


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "bench.live", "--json", *words]


@pytest.mark.slow
def test_it_runs_the_platform_under_live_load_and_loses_nothing(tmp_path: Path) -> None:
    words = ["--devices", "8", "--viewers", "2", "--seconds", "8", "--warm-up-s", "4"]
    words += ["--packet-s", "1", "--backfill-devices", "1", "--backfill-hours", "0.1"]
    run = subprocess.run(
        [*_command(*words), "--profile", str(tmp_path / "stacks")],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["lost"] == found["samples_repeated"] == 0
    assert found["never_acked"] == found["packets_refused"] == 0
    assert found["samples_acked"] >= 250 * (8 * 8 + 360)
    assert found["packets"] == found["acked"] == 8 * 8
    assert found["frames"] == 2 * 8 * 8
    assert found["frames_missing"] == found["dropped"] == found["failed_polls"] == 0
    assert found["labels"] > found["labels_missing"] == 0
    assert (found["labels_stored"] > 0) == (found["label_stored_share"] == 1)
    assert (found["segments"], found["segments_usual"]) == (0, 0.2)
    assert found["refused"] == found["verdicts"] == {}
    for name in LATENCIES:
        assert set(found[name]) == {"p50", "p95", "p99"}
        assert 0 < found[name]["p50"] <= found[name]["p99"], name
    assert found["backfill"]["acked"] == found["backfill"]["packets"] == 360
    assert set(found["durability"].values()) == {"on"}
    assert set(found["cpu"]["cores"]) >= KINDS
    assert set(found["memory"]) >= KINDS
    assert all(each["end_mb"] > 0 for each in found["memory"].values())
    assert found["log_errors"] == {}
    assert found["machine"]["cores"] > 0
    stacks = (tmp_path / "stacks" / "ingest.top").read_text()
    # Others than root may have to be allowed to look into a process.
    assert "samples" in stacks or os.geteuid() != 0


@pytest.mark.slow
def test_it_stops_all_servers_when_it_is_stopped() -> None:
    words = ["--devices", "2", "--viewers", "1", "--seconds", "100"]
    run = subprocess.Popen(
        _command(*words),
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        mine = _below(run, needed="telecardio.ingest_server")
        run.send_signal(signal.SIGTERM)
        assert run.wait(60) == 143
    finally:
        run.terminate()
        run.communicate(timeout=60)
    assert not [pid for pid in mine if Path(f"/proc/{pid}").exists()]


def _below(run: subprocess.Popen[str], *, needed: str) -> list[int]:
    """Return the processes below ``run`` once one of them runs ``needed``."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and run.poll() is None:
        lines = subprocess.run(
            ["ps", "-ww", "-eo", "pid=,ppid=,args="],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        rows = [line.split(maxsplit=2) for line in lines]
        found = {run.pid}
        for pid, parent, _ in sorted(rows, key=lambda row: int(row[0])):
            if int(parent) in found:
                found.add(int(pid))
        commands = [args for pid, _, args in rows if int(pid) in found]
        # That one begins others.
        if len(found) > 4 and any(needed in args for args in commands):
            return sorted(found - {run.pid})
        time.sleep(0.2)
    run.terminate()
    raise AssertionError(
        f"{needed} never ran: {run.communicate(timeout=60)[1][-2000:]}"
    )
