"""Serve ingest in several processes: ``python -m telecardio.ingest_server``.

Each process listens on a socket of its own, and Linux deals connections out among
them. With one socket for all, as uvicorn has it, whoever wakes first takes every
connection that waits: one of two processes got 30 of 32, and devices stay for days.
"""

import argparse
import socket
from typing import Any, cast

import uvicorn
from uvicorn.supervisors import Multiprocess

APPLICATION = "telecardio.ingest:application"
OPTIONS: dict[str, Any] = {
    "lifespan": "on",
    "access_log": False,
    "log_level": "warning",
    # A device keeps its connection open between uploads, up to 30 s apart.
    "timeout_keep_alive": 60,
    "backlog": 4096,
    "timeout_graceful_shutdown": 10,
    # One that is kept waiting by a full machine is not dead.
    "timeout_worker_healthcheck": 30,
}


class OwnSocket:
    """What is handed to a process as its socket: there it becomes one that listens."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)

    def __reduce__(self) -> tuple[Any, ...]:
        return _bound, self._address


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((host, port))
    return bound


def main() -> None:
    """Serve until a signal ends it; status 3 if the port is taken."""
    parser = argparse.ArgumentParser(
        "telecardio.ingest_server", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--reload", metavar="FOLDER", help="one, anew at each change")
    asked = parser.parse_args()
    given = {"host": asked.host, "port": asked.port, **OPTIONS}
    if asked.reload:
        uvicorn.run(APPLICATION, reload=True, reload_dirs=asked.reload, **given)
        return
    config = uvicorn.Config(APPLICATION, workers=asked.workers, **given)
    # Another installation on this port would share its uploads without a word.
    config.bind_socket().close()
    own = cast(socket.socket, OwnSocket(asked.host, asked.port))
    Multiprocess(config, sockets=[own]).run()


if __name__ == "__main__":
    main()
