"""Where the time of ingest, workers and web goes: folded stacks by py-spy.

Each file goes straight into a flame graph (``flamegraph.pl``, speedscope.app).
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SAMPLES_PER_S = 50
LEAVES = 25
STOP_S = 20.0


class ProfilingError(RuntimeError):
    """There is no py-spy."""


@contextmanager
def profiling(folder: Path | None, roots: Mapping[str, int]) -> Iterator[None]:
    """Sample these processes meanwhile; write ``KIND.folded`` and ``KIND.top``."""
    if folder is None:
        yield
        return
    program = _py_spy()
    folder.mkdir(parents=True, exist_ok=True)
    running = {kind: _record(program, pid, folder, kind) for kind, pid in roots.items()}
    try:
        yield
    finally:
        for process in running.values():
            process.send_signal(signal.SIGINT)
        for process in running.values():
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    for kind in running:
        stacks = folder / f"{kind}.folded"
        # Sampling another process may be forbidden, as it is to most users.
        said = folder / f"{kind}.log"
        found = top(stacks.read_text()) if stacks.exists() else said.read_text()
        (folder / f"{kind}.top").write_text(found)


def _record(program: str, pid: int, folder: Path, kind: str) -> subprocess.Popen[bytes]:
    line = [program, "record", "--pid", str(pid), "--subprocesses", "--nonblocking"]
    line += ["--rate", str(SAMPLES_PER_S), "--format", "raw"]
    line += ["--output", str(folder / f"{kind}.folded")]
    with (folder / f"{kind}.log").open("wb") as log:
        return subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def top(folded: str) -> str:
    """Return the functions with most samples: within them and below, and on top."""
    total = 0
    inclusive: Counter[str] = Counter()
    own: Counter[str] = Counter()
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        total += int(count)
        own[frames[-1]] += int(count)
        for frame in set(frames):
            inclusive[frame] += int(count)

    def rows(counts: Counter[str]) -> list[str]:
        return [
            f"{100 * n / total:6.1f} %  {frame}"
            for frame, n in counts.most_common(LEAVES)
        ]

    parts = ["Within and below:", *rows(inclusive), "", "On top:", *rows(own)]
    return "\n".join([f"{total} samples", "", *parts, ""])


def _py_spy() -> str:
    beside = Path(sys.executable).with_name("py-spy")
    program = str(beside) if beside.exists() else shutil.which("py-spy")
    if program is None:
        raise ProfilingError("Install py-spy (requirements-dev.txt) for --profile.")
    return program
