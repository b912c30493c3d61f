"""The platform's processes: their command lines, and running all of them here."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inference.asking import queue_of_shard

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 15
# How far each stands behind the live workers when processors are short, as nice counts:
# a packet's analysis is the longest way, and its ack and its frame have time left.
BEHIND = {"ingest": 2, "web": 2, "mail": 4, "beat": 4, "backfill": 10}
_TRIES = 20


class ProcessError(RuntimeError):
    """A process of the platform did not start, or ended."""


def free_port(host: str = "127.0.0.1", *, preferred: int = 0) -> int:
    """Return ``preferred`` if nobody listens there, else a free port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, preferred))
        except OSError:
            probe.bind((host, 0))
        return int(probe.getsockname()[1])


def commands(
    *,
    host: str,
    web_port: int,
    ingest_port: int,
    reload: bool = False,
    shards: int = 1,
) -> dict[str, list[str]]:
    """Return the command line of each process, for this Python.

    Each of the ``shards`` of the live records has a worker.
    """
    python = sys.executable
    celery = [python, "-m", "celery", "-A", "telecardio"]
    web = [python, "-m", "uvicorn", "telecardio.asgi:application"]
    web += ["--host", host, "--port", str(web_port), "--no-access-log"]
    # A proxy closes idle connections first, or it would use one that is being closed.
    web += ["--timeout-keep-alive", "60"]
    # Whoever is still sending then is told to come again.
    web += ["--timeout-graceful-shutdown", "10"]
    # 16 traces are 9 kB/s; to compress them took a fifth of the process's time.
    web += ["--ws-per-message-deflate", "false"]
    ingest = [python, "-m", "telecardio.ingest_server"]
    ingest += ["--host", host, "--port", str(ingest_port)]
    quiet = ["--loglevel", "WARNING", "-O", "fair"]
    quiet += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    # One process each (the solo pool has no parent, which saves 100 MB): a record's
    # state stays where it was moved last.
    workers = {
        _worker_name(shard): [*celery, "worker", "--queues", queue_of_shard(shard)]
        + ["--pool", "solo", "--hostname", f"{queue_of_shard(shard)}@%h", *quiet]
        for shard in range(shards)
    }
    # Apart and behind all others, so that what is caught up delays nothing live.
    backfill = ["nice", *celery, "worker", "--queues", "backfill"]
    backfill += ["--pool", "solo", "--hostname", "backfill@%h", *quiet]
    # Apart, so that mail waits neither behind a model nor, when an SMTP server
    # hangs, keeps one from running.
    mail = [*celery, "worker", "--queues", "mail,reports", "--concurrency", "1"]
    mail += ["--hostname", "mail@%h", *quiet]
    beat = [*celery, "beat", "--loglevel", "WARNING", "--pidfile="]
    if reload:
        web += ["--reload", "--reload-dir", str(ROOT)]
        ingest += ["--reload", str(ROOT)]
        watch = [python, "-m", "watchfiles", "--filter", "python"]
        workers = {
            name: [*watch, " ".join(worker), str(ROOT)]
            for name, worker in workers.items()
        }
        backfill = [*watch, " ".join(backfill), str(ROOT)]
        mail = [*watch, " ".join(mail), str(ROOT)]
    return {
        "web": web,
        "ingest": ingest,
        **workers,
        "backfill": backfill,
        "mail": mail,
        "beat": beat,
    }


def stand_behind(session: int, *, nice: int) -> None:
    """Let a session wait for the others, where Linux shares time among sessions.

    There ``nice`` orders the processes of one session only, and each of ours has its
    own. Without such groups ``nice`` is enough, and nothing happens here.
    """
    for _ in range(_TRIES):
        try:
            Path(f"/proc/{session}/autogroup").write_text(f"{nice}")
        except BlockingIOError:
            # Of those who are not root, Linux lets one in a tenth of a second do this.
            time.sleep(0.1)
        except OSError:
            return
        else:
            return


def _worker_name(shard: int) -> str:
    return f"worker-{shard}" if shard else "worker"


@dataclass
class Stack:
    """Web, ingest, the workers and beat as children of this process, with logs."""

    environment: Mapping[str, str]
    var: Path
    host: str = "127.0.0.1"
    web_port: int = 0
    ingest_port: int = 0
    reload: bool = False
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.web_port = self.web_port or free_port(self.host)
        self.ingest_port = self.ingest_port or free_port(self.host)
        self.log_dir = self.var / "log"
        self.log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def web_url(self) -> str:
        """Where pages are, from this machine."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def ingest_url(self) -> str:
        """Where devices upload to, from this machine."""
        return f"http://127.0.0.1:{self.ingest_port}"

    @property
    def workers(self) -> list[str]:
        """The names of the processes that analyse live records."""
        given = {**os.environ, **self.environment}.get("LIVE_SHARDS") or 1
        return [_worker_name(shard) for shard in range(int(given))]

    def start(self, name: str) -> None:
        """Start one process by name."""
        line = commands(
            host=self.host,
            web_port=self.web_port,
            ingest_port=self.ingest_port,
            reload=self.reload,
            shards=len(self.workers),
        )[name]
        with (self.log_dir / f"{name}.log").open("ab") as log:
            self.children[name] = subprocess.Popen(
                line,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for us; we stop the children in order.
                start_new_session=True,
            )
        if name in BEHIND:
            stand_behind(self.children[name].pid, nice=BEHIND[name])

    def start_all(self) -> None:
        """Start every process and wait until pages and uploads are answered."""
        for name in ("ingest", "web", *self.workers, "backfill", "mail", "beat"):
            self.start(name)
        self.wait_for(self.ingest_url, "ingest")
        self.wait_for(self.web_url, "web")

    def wait_for(self, url: str, name: str) -> None:
        """Wait until ``url`` answers; name the log if it does not."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            self.check()
            try:
                urllib.request.urlopen(f"{url}/login/", timeout=5).close()  # noqa: S310
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise ProcessError(f"{name} does not answer at {url}.\n{self.last_words(name)}")

    def check(self) -> None:
        """Raise if a process has ended by itself."""
        for name, child in self.children.items():
            if child.poll() is not None:
                message = f"{name} ended with status {child.returncode}."
                raise ProcessError(f"{message}\n{self.last_words(name)}")

    def last_words(self, name: str, lines: int = 15) -> str:
        """Return the end of a process's log."""
        log = self.log_dir / f"{name}.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        return "\n".join([f"The end of {log}:", *text.splitlines()[-lines:]])

    def kill(self, name: str) -> None:
        """Kill one process and all its children with SIGKILL, as a crash would."""
        child = self.children.pop(name)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def stop_all(self) -> None:
        """Stop every process: first politely, then not."""
        for name in ("beat", *self.workers, "backfill", "mail", "ingest", "web"):
            if name in self.children and self.children[name].poll() is None:
                self.children[name].terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for child in self.children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=max(0.1, deadline - time.monotonic()))
            # Also what one that was stopped while it began has left behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self.children.clear()
