"""Many live records, each given one second of signal after the other."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.day import FS
from bench.pipeline import move_on
from inference.ecg import RecordState, initial_state

# How many records, and how many seconds of their signal are measured.
SIZES = {1: 120, 64: 20, 1000: 6}
BEFORE_S = 60  # of signal that each record has already seen
Signal = NDArray[np.float32]


def begin(mv: Signal, count: int, seconds: int) -> list[tuple[RecordState, Signal]]:
    """Return records in mid-stream, each elsewhere in the day, and what comes next.

    The offsets are no whole seconds, so that beats fall anywhere in a block.
    """
    need = (BEFORE_S + seconds) * FS
    starts = np.linspace(0, len(mv) - need, count).astype(int)
    parts = [mv[start : start + need] for start in starts.tolist()]
    states = [
        move_on([initial_state(fs=FS)], [part[: BEFORE_S * FS]])[0] for part in parts
    ]
    return [
        (state, part[BEFORE_S * FS :])
        for state, part in zip(states, parts, strict=True)
    ]


def time_live(mv: Signal, sizes: Mapping[int, int] = SIZES) -> dict[str, Any]:
    """Return blocks per second and ms of processor per record and second of signal.

    The ms are also the thousandths of a core that one live record takes.
    """
    rows: dict[str, Any] = {}
    for count, seconds in sizes.items():
        records = begin(mv, count, seconds)
        states = [state for state, _ in records]
        walls, cpus = [], []
        for second in range(seconds):
            blocks = [rest[second * FS : (second + 1) * FS] for _, rest in records]
            wall, cpu = time.perf_counter(), time.process_time()
            states = move_on(states, blocks)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
        cpu_ms = 1000 * float(np.median(cpus)) / count
        rows[str(count)] = {
            "blocks_per_s": round(count / float(np.median(walls)), 1),
            "cpu_ms_per_record_and_s": round(cpu_ms, 3),
            "seconds_measured": seconds,
        }
    return rows
