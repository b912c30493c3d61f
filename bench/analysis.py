"""Time the analysis of a day, its steps, many live records, and other detectors.

``python -m bench.analysis --json`` prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.clock import Stopwatch
from bench.day import DAY_S, FS, read_day
from bench.live_records import SIZES, time_live
from bench.pipeline import analyse_day
from bench.r_peaks import find_day
from bench.rivals import CPU_CLOCK, Rivals, quickest
from bench.steps import time_steps, time_summary
from inference.nets import annotator

RUNS = 2  # of the whole and of each rival, in turn; the quickest one counts


def measure(
    data: Path | None, seconds: int = DAY_S, sizes: Mapping[int, int] = SIZES
) -> dict[str, Any]:
    """Return every figure, of a day or of less; ``sizes`` as in ``time_live``."""
    day = read_day(data, seconds)
    scale = DAY_S / seconds
    for whole in (analyse_day, find_day):
        whole(day.mv[: 150 * FS])  # compile, load the nets
    rivals, watches = Rivals(day.mv), []
    for _ in range(RUNS):
        watches.append(_whole(day.mv))
        rivals.run()
    spent = {
        step: quickest([watch.steps[step] for watch in watches])
        for step in watches[0].steps
    }
    return {
        "annotator": annotator(),
        "signal": f"one lead, {FS} Hz, {seconds / 3600:g} h: {day.source}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores; one thread per net",
        "runs": f"the quickest of {RUNS}, of ours and of others; the steps of one",
        "per_24_h": {
            **{step: each.as_json(scale) for step, each in spent.items()},
            **time_steps(day.mv, scale),
        },
        "live": time_live(day.mv, sizes),
        "others": rivals.as_json(),
    }


def _whole(mv: NDArray[np.float32]) -> Stopwatch:
    """Find the R peaks of a day; analyse and summarise it."""
    watch = Stopwatch(CPU_CLOCK)
    watch.call("r_peaks", find_day, mv)

    def everything() -> None:
        parts = analyse_day(mv)
        watch.call("summary", time_summary, parts, len(mv))

    watch.call("everything", everything)
    return watch


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("TELECARDIO_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--seconds", type=int, default=DAY_S, help="of signal")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.data, options.seconds)
    print(json.dumps(found, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
