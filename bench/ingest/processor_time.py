"""Seconds of processor that a process and all below it have taken (Linux)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class _Stat(NamedTuple):
    parent: int
    ticks: int


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """Return the seconds of each process, its children and those that ended."""
    stats = _stats()
    return {
        kind: sum(stats[pid].ticks for pid in pids) / _TICKS_PER_S
        for kind, pids in _below(roots, stats).items()
    }


def descendants(roots: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the ids of each process and of all that live below it."""
    return _below(roots, _stats())


def _stats() -> dict[int, _Stat]:
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        # proc(5), after the name in brackets: field 4 is the parent, 14 and 15 are
        # the ticks of the process, 16 and 17 those of children it waited for.
        fields = stat.rpartition(")")[2].split()
        found[int(entry.name)] = _Stat(int(fields[1]), sum(map(int, fields[11:15])))
    return found


def _below(roots: Mapping[str, int], stats: dict[int, _Stat]) -> dict[str, list[int]]:
    def is_below(pid: int, root: int) -> bool:
        while pid > 1 and pid != root:
            pid = stats[pid].parent if pid in stats else 0
        return pid == root

    return {
        kind: [pid for pid in stats if is_below(pid, root)]
        for kind, root in roots.items()
    }
