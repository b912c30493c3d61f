"""What the load is sent to: the platform's ingest server, and a fixed answer."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.ingest.http_load import message_bytes
from telecardio.processes import ROOT, ProcessError, commands, free_port

PLATFORM = "telecardio.ingest:application"
START_S = 60.0
STOP_S = 15.0
_BODY = b'{"packets": [{"seq": 0, "result": "stored"}]}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


@dataclass(frozen=True)
class Running:
    """A server that answers on a port of this machine."""

    pid: int
    port: int


@contextmanager
def ingest_server(
    application: str, environment: Mapping[str, str], var: Path, *, threads: int
) -> Iterator[Running]:
    """Serve ``application``: the platform's with its own command line.

    Any other is a WSGI application, in two processes of granian, which was the fastest
    of the servers that were tried, with so many ``threads`` each.
    """
    port = free_port()
    line = commands(host="127.0.0.1", web_port=0, ingest_port=port)["ingest"]
    if application != PLATFORM:
        line = [sys.executable, "-m", "granian", application, "--interface", "wsgi"]
        line += ["--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
        line += ["--blocking-threads", str(threads), "--http", "1", "--no-ws"]
        line += ["--backlog", "4096", "--log-level", "warning"]
    log = var / "log" / "bench-ingest.log"
    with log.open("wb") as output:
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
        _wait_for(port, process, log)
        yield Running(process.pid, port)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def fixed_answer() -> Iterator[Running]:
    """Answer every request at once with the same bytes, from a process of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port = listener.getsockname()[1]
        context = multiprocessing.get_context("fork")
        process = context.Process(target=_answer_all, args=(listener,), daemon=True)
        process.start()
        try:
            yield Running(process.pid or 0, port)
        finally:
            process.kill()
            process.join()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=5) as probe,
        ):
            probe.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if probe.recv(1):
                return
        time.sleep(0.1)
    raise ProcessError(f"The server does not answer:\n{log.read_text()[-3000:]}")


def _answer_all(listener: socket.socket) -> None:
    received: dict[int, bytes] = {}
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                link, _address = listener.accept()
                selector.register(link, selectors.EVENT_READ, link)
                continue
            piece = key.data.recv(1 << 16)
            if not piece:
                selector.unregister(key.data)
                key.data.close()
                received.pop(key.fd, None)
                continue
            whole = received.get(key.fd, b"") + piece
            size = message_bytes(whole)
            if size and len(whole) >= size:
                key.data.sendall(_ANSWER)
                whole = b""
            received[key.fd] = whole
