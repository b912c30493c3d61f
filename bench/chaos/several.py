"""Two of every process of the platform, and the two servers, under one manager."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from bench.chaos.monkey import SERVERS
from bench.chaos.process_manager import ProcessManager, Service
from telecardio import embedded
from telecardio.processes import commands, free_port

OF_EACH = 2
START_S = 180.0


class NotStartedError(RuntimeError):
    """Something did not come up; says what."""


@dataclass
class Several:
    """The platform's processes, twice each, and where they answer."""

    manager: ProcessManager
    folder: Path
    environment: Mapping[str, str]
    web_urls: list[str] = field(default_factory=list)
    ingest_urls: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start all of them."""
        for number in range(1, OF_EACH + 1):
            web_port, ingest_port = free_port(), free_port()
            self.web_urls.append(f"http://127.0.0.1:{web_port}")
            self.ingest_urls.append(f"http://127.0.0.1:{ingest_port}")
            lines = commands(
                host="127.0.0.1", web_port=web_port, ingest_port=ingest_port
            )
            for kind, line in lines.items():
                # Two workers of one name would not know each other apart.
                own = [word.replace("@%h", f"-{number}@%h") for word in line]
                self._add(f"{kind}-{number}", own)

    def answers(self, path: str = "/readyz") -> bool:
        """Tell whether every web and ingest process is ready."""
        urls = [*self.web_urls, *self.ingest_urls]
        return all(status_of(url + path) == 200 for url in urls)

    def _add(self, name: str, line: list[str]) -> None:
        log = self.folder / f"{name}.log"
        self.manager.add(Service(name, line, self.environment, log))


def start_servers(manager: ProcessManager, var: Path, folder: Path) -> None:
    """Run both servers as a service that starts again what dies."""
    line = [sys.executable, "-m", "telecardio.embedded", "--var", str(var)]
    manager.add(Service(SERVERS, line, {}, folder / f"{SERVERS}.log"))
    if not manager.wait(START_S, lambda: embedded.status(var=var).ready):
        raise NotStartedError("PostgreSQL and Redis did not start.")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A page that sends its reader to sign in has not answered."""

    def redirect_request(self, *_: object) -> None:
        return None


_browser = urllib.request.build_opener(_NoRedirects)


def status_of(url: str, cookie: str = "", timeout_s: float = 5.0) -> int:
    """Return the status of the answer, that of a redirect too; 0 without one."""
    request = urllib.request.Request(url, headers={"Cookie": cookie})  # noqa: S310
    try:
        with _browser.open(request, timeout=timeout_s) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, HTTPException):
        return 0
