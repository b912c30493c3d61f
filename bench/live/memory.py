"""Proportional memory (PSS) of processes and all below them, over time (Linux).

Of memory that processes share (PostgreSQL's buffers, code) each has its part: one that
touches more of it grows, and the others shrink. ``own`` leaves that out.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import theilslopes

from bench.ingest.processor_time import descendants

TEN_MIN_S = 600.0


@dataclass
class Memory:
    """Samples ``(time, PSS, own)`` of every process, by kind; kB."""

    roots: Mapping[str, int]
    samples: dict[tuple[str, int], list[tuple[float, int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def take(self) -> None:
        """Read the PSS of all processes that live now."""
        now = time.monotonic()
        for kind, pids in descendants(self.roots).items():
            for pid in pids:
                if kb := _pss_kb(pid):
                    self.samples[kind, pid].append((now, *kb))

    def figures(self) -> dict[str, Any]:
        """Return per kind the MB at the start and end, and the largest growth.

        Growth is the median slope between a process's samples (Theil and Sen), in
        percent of its first per 10 min: Redis shares half of its memory with a child
        while that writes a file, which is no growth. Processes that came or went have
        none, and are counted; those of a kind together have a growth of their own.
        """
        first, last = self._span()
        found: dict[str, Any] = {}
        for kind in self.roots:
            mine = [rows for (name, _), rows in self.samples.items() if name == kind]
            whole = [
                rows for rows in mine if rows[0][0] == first and rows[-1][0] == last
            ]
            found[kind] = {
                "processes": len(whole),
                "came_or_went": len(mine) - len(whole),
                "start_mb": _mb(rows[0][1] for rows in mine if rows[0][0] == first),
                "end_mb": _mb(rows[-1][1] for rows in mine if rows[-1][0] == last),
                "growth_percent_per_10_min": _growth_of_all(mine),
                "most_growth_percent_per_10_min": _most_growth(whole, 1),
                "most_growth_of_own_percent_per_10_min": _most_growth(whole, 2),
            }
        return found

    def _span(self) -> tuple[float, float]:
        times = [at for rows in self.samples.values() for at, *_ in rows]
        return (min(times), max(times)) if times else (0.0, 0.0)


def _most_growth(whole: list[list[tuple[float, int, int]]], column: int) -> Any:
    growth = [_growth_percent(rows, column) for rows in whole if len(rows) > 1]
    return max(growth, default=None)


def _growth_of_all(rows: Iterable[list[tuple[float, int, int]]]) -> Any:
    """Return the growth of processes together, whichever of them there were."""
    sums: dict[float, int] = defaultdict(int)
    for at, kb, _ in chain.from_iterable(rows):
        sums[at] += kb
    together = [(at, kb, 0) for at, kb in sorted(sums.items())]
    return _growth_percent(together, 1) if len(together) > 1 else None


def _growth_percent(rows: list[tuple[float, int, int]], column: int) -> float:
    table = np.array(rows, float)
    times, kb = table[:, 0], table[:, column]
    slope = theilslopes(kb, times).slope
    return round(float(100 * slope * TEN_MIN_S / max(kb[0], 1)), 2)


def _mb(kb: Any) -> float:
    return round(sum(kb) / 1024, 1)


def _pss_kb(pid: int) -> tuple[int, int] | None:
    """Return the PSS, and the part of it that is in no file and shared with nobody."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    kb = {name: value for name, _, value in (line.partition(":") for line in lines[1:])}
    whole, own = (int(kb[name].split()[0]) for name in ("Pss", "Pss_Anon"))
    return (whole, own) if whole else None
