"""Proportional memory (PSS) of processes and all below them, over time (Linux)."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.ingest.processor_time import descendants

TEN_MIN_S = 600.0


@dataclass
class Memory:
    """Samples of the PSS of every process, by kind."""

    roots: Mapping[str, int]
    samples: dict[tuple[str, int], list[tuple[float, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def take(self) -> None:
        """Read the PSS of all processes that live now."""
        now = time.monotonic()
        for kind, pids in descendants(self.roots).items():
            for pid in pids:
                if kb := _pss_kb(pid):
                    self.samples[kind, pid].append((now, kb))

    def figures(self) -> dict[str, Any]:
        """Return per kind the MB at the start and end, and the largest growth.

        Growth is the slope of the straight line through a process's samples, in
        percent of its first per 10 min; processes that came or went have none.
        """
        first, last = self._span()
        found: dict[str, Any] = {}
        for kind in self.roots:
            mine = [rows for (name, _), rows in self.samples.items() if name == kind]
            whole = [
                rows for rows in mine if rows[0][0] == first and rows[-1][0] == last
            ]
            growth = [_growth_percent(rows) for rows in whole if len(rows) > 1]
            found[kind] = {
                "processes": len(whole),
                "start_mb": _mb(rows[0][1] for rows in mine if rows[0][0] == first),
                "end_mb": _mb(rows[-1][1] for rows in mine if rows[-1][0] == last),
                "most_growth_percent_per_10_min": max(growth, default=None),
            }
        return found

    def _span(self) -> tuple[float, float]:
        times = [at for rows in self.samples.values() for at, _ in rows]
        return (min(times), max(times)) if times else (0.0, 0.0)


def _growth_percent(rows: list[tuple[float, int]]) -> float:
    times, kb = np.array(rows, float).T
    slope = np.polyfit(times - times[0], kb, 1)[0]
    return round(float(100 * slope * TEN_MIN_S / kb[0]), 2)


def _mb(kb: Any) -> float:
    return round(sum(kb) / 1024, 1)


def _pss_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
