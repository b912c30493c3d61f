"""The benchmark of bytes counts them in every place a packet comes to."""

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_it_counts_the_bytes_of_a_packet() -> None:
    command = [sys.executable, "-m", "bench.footprint", "--json"]
    command += ["--devices", "2", "--seconds", "20", "--packet-s", "2", "5"]
    environment = {k: v for k, v in os.environ.items() if k != "TELECARDIO_DATA"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    packets = json.loads(done.stdout)["packets"]
    for packet_s, found in packets.items():
        samples = 250 * int(packet_s)
        assert samples < found["binary_bytes"] < 2 * samples + 240
        assert found["json_bytes"] > 2 * found["binary_bytes"]
        # Both hold the samples as they are.
        assert found["row_bytes"] > 2 * samples
        assert found["live_stream_bytes"] > 2 * samples
        assert found["wal_bytes"] > 2 * samples
        assert found["compacting_wal_bytes"] > 0
        assert found["redis_us"] > 0
