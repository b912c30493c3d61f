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
from bench.live import SIZES, time_live
from bench.pipeline import analyse_day
from bench.rivals import time_rivals
from bench.steps import time_steps, time_summary
from inference.nets import annotator

RUNS = 2  # of the whole; the quicker one counts


def measure(
    data: Path | None, seconds: int = DAY_S, sizes: Mapping[int, int] = SIZES
) -> dict[str, Any]:
    """Return every figure, of a day or of less; ``sizes`` as in ``time_live``."""
    day = read_day(data, seconds)
    scale = DAY_S / seconds
    analyse_day(day.mv[: 60 * FS])  # compile, load the nets
    watch = min((_whole(day.mv) for _ in range(RUNS)), key=_wall_s)
    return {
        "annotator": annotator(),
        "signal": f"one lead, {FS} Hz, {seconds / 3600:g} h: {day.source}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores; one thread per net",
        "per_24_h": {
            "everything": watch.steps["everything"].as_json(scale),
            "summary": watch.steps["summary"].as_json(scale),
            **time_steps(day.mv, scale),
        },
        "live": time_live(day.mv, sizes),
        "others": time_rivals(day.mv),
    }


def _whole(mv: NDArray[np.float32]) -> Stopwatch:
    """Analyse and summarise a day."""
    watch = Stopwatch()

    def everything() -> None:
        parts = analyse_day(mv)
        watch.call("summary", time_summary, parts, len(mv))

    watch.call("everything", everything)
    return watch


def _wall_s(watch: Stopwatch) -> float:
    return watch.steps["everything"].wall_s


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
