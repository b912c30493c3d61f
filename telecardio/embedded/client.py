"""Ask for the servers, look at them, stop them."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from telecardio.embedded import locks, logs, owners, probes
from telecardio.embedded.addresses import DATABASE, ROLE, Addresses, addresses
from telecardio.embedded.folders import CHECKOUT, EmbeddedError, Folders
from telecardio.embedded.passwords import password
from telecardio.embedded.processes import Process

# Set in the supervisor: whatever it imports must not ask for a supervisor.
INSIDE = "TELECARDIO_EMBEDDED_SUPERVISOR"
MOST_STARTS = 3


@dataclass(frozen=True)
class Status:
    """Who runs, and for whom."""

    supervisor: Process | None
    postgres: Process | None
    redis: Process | None
    owners: tuple[Process, ...]
    ready: bool


def ensure(timeout_s: float = 60, *, var: Path | None = None) -> Addresses:
    """Make this process an owner of the servers and wait until they answer.

    Start a supervisor if none runs. Safe to call often and from many processes.
    Raise ``EmbeddedError`` if the servers do not come up within ``timeout_s``.
    """
    found = addresses(var)
    if os.environ.get(INSIDE):
        return found
    folders = Folders.of(var)
    owners.register(folders)
    deadline = time.monotonic() + timeout_s
    starts = 0
    while not is_ready(folders):
        if not locks.is_held(folders.supervisor_lock):
            if starts and folders.failure.exists():
                raise _failed(folders, folders.failure.read_text())
            if starts == MOST_STARTS:
                raise _failed(folders, "The supervisor ends as soon as it starts.")
            starts += _start_supervisor(folders)
        if time.monotonic() > deadline:
            raise _failed(folders, f"Still not ready after {timeout_s:.0f} s.")
        time.sleep(0.05)
    return found


def is_ready(folders: Folders) -> bool:
    """Tell whether a living supervisor vouches for both servers and both answer."""
    supervisor = locks.holder(folders.supervisor_lock)
    try:
        said = folders.ready.read_text()
    except FileNotFoundError:
        return False
    return (
        supervisor is not None
        and said == str(supervisor)
        and probes.redis_answers(
            folders.redis_socket, password=password(folders, "redis")
        )
        and probes.postgres_answers(
            folders.postgres_socket, role=ROLE, database=DATABASE
        )
    )


def status(*, var: Path | None = None) -> Status:
    """Tell what runs, without starting anything."""
    folders = Folders.of(var).prepare()
    return Status(
        supervisor=locks.holder(folders.supervisor_lock),
        postgres=locks.holder(folders.run / "postgres.lock"),
        redis=locks.holder(folders.run / "redis.lock"),
        owners=tuple(owners.living(folders)),
        ready=is_ready(folders),
    )


def stop(timeout_s: float = 60, *, var: Path | None = None) -> None:
    """Stop the supervisor and both servers, whoever still owns them."""
    # Only here: the classes of the servers need psycopg.
    from telecardio.embedded.postgres import Postgres
    from telecardio.embedded.redis_server import Redis

    folders = Folders.of(var).prepare()
    deadline = time.monotonic() + timeout_s
    told: Process | None = None
    while locks.is_held(folders.supervisor_lock):
        supervisor = locks.holder(folders.supervisor_lock)
        if supervisor is not None and supervisor != told:
            supervisor.signal(signal.SIGTERM)
            told = supervisor
        if time.monotonic() > deadline:
            raise _failed(folders, f"Still not stopped after {timeout_s:.0f} s.")
        time.sleep(0.05)
    # What a killed supervisor left running.
    for server in (Postgres(folders), Redis(folders)):
        server.stop()


def _start_supervisor(folders: Folders) -> int:
    """Start a supervisor; return 0 where another process is just doing that."""
    turn = locks.acquire(folders.run / "start.lock", wait_s=0)
    if turn is None:
        return 0
    try:
        folders.failure.unlink(missing_ok=True)
        path = os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])
        log = folders.log / "supervisor.log"
        logs.rotate(log)
        with logs.opened(log) as output:
            ended = subprocess.run(
                [
                    *(sys.executable, "-P", "-m", "telecardio.embedded", "--detached"),
                    *("--var", str(folders.var)),
                ],
                cwd=folders.run,
                env={**_plain_environment(), "PYTHONPATH": path.rstrip(os.pathsep)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                check=False,
            )
    finally:
        os.close(turn)
    if ended.returncode != 0:
        raise _failed(folders, "The supervisor did not start.")
    return 1


def _plain_environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    return {**found, INSIDE: "1"}


def _failed(folders: Folders, reason: str) -> EmbeddedError:
    words = [f"The embedded servers do not run. {reason}"]
    words.extend(logs.last_lines(folders.log))
    words.append(
        "--- Put that right and start again, or set DATABASE_URL and REDIS_URL to "
        "servers of your own."
    )
    return EmbeddedError("\n".join(words))
