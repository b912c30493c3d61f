"""The pure ES modules, by node's own test runner."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from telecardio.live.frames import Beats, Signal, StreamId, pack_beats, pack_signal

HERE = Path(__file__).resolve().parent
NODE = shutil.which("node")


def golden() -> dict:
    """Return a message of two frames and what must be read from it."""
    samples = [0, -1, 32767, -32768, 1024, 7]
    signal = Signal(
        record=12,
        first_sample=2**33,
        fs=250,
        leads=2,
        gain=200.5,
        baseline=-1024,
        at_ms=1_795_428_000_123,
        received_at_ms=1_795_428_001_456,
        data=np.array(samples, "<i2").tobytes(),
    )
    beats = Beats(
        record=12,
        fs=250,
        heart_rate_bpm=71.25,
        samples=np.array([2**33 + 1, 2**33 + 200, 2**33 + 399], "<i8").tobytes(),
        at_ms=np.array([1_795_428_000_127, 5, 6], "<i8").tobytes(),
        classes=bytes([0, 2, 4]),
        probabilities=bytes([255, 247, 128]),
    )
    stream_id = StreamId(1_795_428_001_500, 3)
    message = pack_signal(2**40, stream_id, signal) + pack_beats(5, stream_id, beats)
    return {
        "message": base64.b64encode(message).decode(),
        "samples": samples,
        "signal": {
            "patient": 2**40,
            "id": "1795428001500-3",
            "record": 12,
            "receivedAt": 1_795_428_001_456,
            "firstSample": 2**33,
            "at": 1_795_428_000_123,
            "fs": 250,
            "gain": 200.5,
            "baseline": -1024,
            "leads": 2,
            "n": 3,
        },
        "beats": {
            "samples": [2**33 + 1, 2**33 + 200, 2**33 + 399],
            "at": [1_795_428_000_127, 5, 6],
            "classes": [0, 2, 4],
            "probabilities": [255, 247, 128],
            "heartRate": 71.25,
        },
    }


@pytest.mark.skipif(NODE is None, reason="not run: node is not here")
def test_it_passes_the_tests_of_the_es_modules(tmp_path):
    frames = tmp_path / "frames.json"
    frames.write_text(json.dumps(golden()))
    tests = sorted(str(path) for path in HERE.glob("*.test.mjs"))
    done = subprocess.run(
        [NODE, "--test", *tests],
        env=os.environ | {"LIVE_FRAMES": str(frames)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
