"""Run a function in a process of its own and talk with it over a pipe."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

# Not forked: this process has threads and a database connection.
_SPAWN = multiprocessing.get_context("spawn")
READY_S = 60.0


class OwnProcessError(RuntimeError):
    """The process ended without an answer, or took too long."""


@dataclass(frozen=True)
class OwnProcess:
    """The pipe to a process and its id."""

    pipe: Connection
    pid: int
    name: str

    def tell(self, word: object) -> None:
        """Send it something."""
        self.pipe.send(word)

    def hear(self, wanted: type, timeout_s: float) -> Any:
        """Wait for what it says; raise :class:`OwnProcessError` for anything else."""
        try:
            said = self.pipe.recv() if self.pipe.poll(timeout_s) else None
        except EOFError:
            raise OwnProcessError(f"The {self.name} ended without a word.") from None
        if not isinstance(said, wanted):
            trouble = said or f"nothing for {timeout_s:g} s"
            raise OwnProcessError(f"The {self.name} said: {trouble}")
        return said


@contextmanager
def own_process(
    name: str, work: Callable[[Connection, Any], Any], plan: object
) -> Iterator[OwnProcess]:
    """Start ``work(pipe, plan)``, which says ``"ready"`` and returns its answer."""
    ours, theirs = _SPAWN.Pipe()
    child = _SPAWN.Process(target=_run, args=(theirs, work), daemon=True, name=name)
    child.start()
    theirs.close()
    running = OwnProcess(ours, child.pid or 0, name)
    try:
        running.tell(plan)
        running.hear(str, READY_S)
        yield running
    finally:
        ours.close()
        child.kill()
        child.join()


def _run(pipe: Connection, work: Callable[[Connection, Any], Any]) -> None:
    # Ctrl-C is for the parent, which then ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, BrokenPipeError):
        try:
            answer = work(pipe, pipe.recv())
        except (EOFError, BrokenPipeError):
            raise
        except Exception:
            answer = OwnProcessError(traceback.format_exc())
        pipe.send(answer)
