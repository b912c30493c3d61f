"""A process, told from a later one that was given the same id."""

import contextlib
import functools
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process id and when that process started."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """Return the process that has this id now."""
        started = _started(pid)
        return None if started is None else cls(pid, started)

    @classmethod
    def parse(cls, text: str) -> "Process | None":
        """Read what ``str`` wrote."""
        pid, _, started = text.strip().partition(" ")
        return cls(int(pid), started) if pid.isdigit() and started else None

    def __str__(self) -> str:
        return f"{self.pid} {self.started}"

    def is_alive(self) -> bool:
        """Tell whether this very process runs; a zombie does not."""
        return _started(self.pid) == self.started

    def signal(self, number: int) -> None:
        """Send a signal, unless the process has gone."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def in_folder(folder: Path) -> list[Process]:
    """List the processes that work in ``folder`` (none where there is no /proc)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd") != str(folder):
                continue
        except OSError:
            continue
        process = Process.of(int(entry.name))
        if process is not None:
            found.append(process)
    return found


def _started(pid: int) -> str | None:
    if not sys.platform.startswith("linux"):
        return _started_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # proc(5): after the name in brackets, field 3 is the state, 22 the start time.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return f"{_boot()}:{fields[19]}"


@functools.cache
def _boot() -> str:
    # Start times count from the boot; without it one could fit a later boot.
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _started_by_ps(pid: int) -> str | None:
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split(maxsplit=1)
    if len(shown) < 2 or shown[0].startswith("Z"):
        return None
    return shown[1].strip().replace(" ", "_")
