"""The platform's own worker processes, and beat, which asks for what was not heard."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from telecardio.processes import ROOT, commands

STOP_S = 20.0


@contextmanager
def workers(environment: Mapping[str, str], var: Path) -> Iterator[dict[str, int]]:
    """Run what analyses, and give the processes by name."""
    shards = int(os.environ.get("LIVE_SHARDS", "1"))
    lines = commands(host="127.0.0.1", web_port=0, ingest_port=0, shards=shards)
    names = [name for name in lines if name.startswith(("worker", "backfill", "beat"))]
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(_running(name, lines[name], environment, var))
            for name in names
        }


@contextmanager
def _running(
    name: str, line: list[str], environment: Mapping[str, str], var: Path
) -> Iterator[int]:
    with (var / "log" / f"bench-{name}.log").open("wb") as output:
        process = subprocess.Popen(
            line,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def pss_mb(pid: int) -> float:
    """Return the memory of a process and its children, shared pages in their part."""
    kb = 0
    for group in _group(pid):
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{group}/smaps_rollup").read_text()
            kb += int(text.split("Pss:")[1].split()[0])
    return round(kb / 1024, 1)


def _group(pid: int) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            # proc(5): the third field behind the name is the process group.
            if int(fields[2]) == pid:
                yield int(entry.name)


def wait_for(condition: Callable[[], bool], within_s: float) -> bool:
    """Wait until ``condition()`` holds; False if it does not within the time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False
