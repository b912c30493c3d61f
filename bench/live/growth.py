"""How cost and latency grow with devices and viewers: one run after the other."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from bench.live.options import Options

# Devices and viewers; a page shows 16 patients.
SIZES = ((10, 1), (100, 1), (100, 16), (1000, 1), (1000, 16), (1000, 200), (2000, 16))
STOP_S = 60.0
# All begin at once, each with a new stream: until that is over, what is measured is the
# beginning.
WARM_UP_S_PER_DEVICE = 0.1


def grow(options: Options) -> Iterator[dict[str, Any]]:
    """Yield a row of figures per size; each run has processes of its own."""
    for devices, viewers in SIZES:
        whole = _run(options, devices, viewers)
        yield {
            name: whole.get(name)
            for name in (
                *("devices", "viewers", "packet_s", "seconds", "failed", "lost"),
                *("never_acked", "packets_refused", "packets", "acked", "late"),
                *("refused", "failed_requests", "answer_timeouts", "ack_ms"),
                *("label_ms", "labels_missing", "label_stored_ms", "unlabelled_s"),
                *("frame_ms", "frames_missing", "analysis_lag_s", "dropped"),
                *("sockets_closed", "viewers_trouble", "poll_ms", "failed_polls"),
                *("segments", "segments_usual", "cpu", "memory"),
            )
            if name in whole
        }


def _run(options: Options, devices: int, viewers: int) -> dict[str, Any]:
    warm_up_s = max(options.warm_up_s, devices * WARM_UP_S_PER_DEVICE)
    words = [sys.executable, "-m", "bench.live", "--json"]
    words += ["--devices", str(devices), "--viewers", str(viewers)]
    words += ["--seconds", str(options.seconds), "--packet-s", str(options.packet_s)]
    words += ["--warm-up-s", str(warm_up_s), "--format", options.form]
    words += ["--data", str(options.data)] if options.data else []
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        printed, _ = child.communicate()
    finally:
        if child.poll() is None:
            # So that it stops its servers.
            child.send_signal(signal.SIGTERM)
            child.wait(STOP_S)
    if not printed.strip():
        failed = f"ended with status {child.returncode} and without figures"
        return {"devices": devices, "viewers": viewers, "failed": failed}
    found: dict[str, Any] = json.loads(printed)
    return found
