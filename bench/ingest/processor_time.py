"""Seconds of processor that a process and all below it have taken (Linux)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the seconds of each process, its children and those that ended."""
    parents, ticks = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        # proc(5), after the name in brackets: field 4 is the parent, 14 and 15 are
        # the ticks of the process, 16 and 17 those of children it waited for.
        fields = stat.rpartition(")")[2].split()
        parents[int(entry.name)] = int(fields[1])
        ticks[int(entry.name)] = sum(map(int, fields[11:15]))

    def is_below(pid: int, root: int) -> bool:
        while pid > 1 and pid != root:
            pid = parents.get(pid, 0)
        return pid == root

    return {
        kind: sum(ticks[pid] for pid in ticks if is_below(pid, root)) / _TICKS_PER_S
        for kind, root in pids.items()
    }
