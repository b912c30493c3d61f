"""The machine that the figures are of."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Return the processor, its cores, the memory, and who else was busy."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((x for x in info if x.startswith("model name")), "").partition(":")[2]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": model.strip() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "everything_on_it": True,
    }
