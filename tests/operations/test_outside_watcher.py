"""A watcher elsewhere is told that all is well, and nothing while it is not."""

import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from django.utils import timezone

from inference.models.life_sign import Part
from inference.services.life_signs import show_life
from telecardio.operations.figures import forget_figures
from telecardio.tasks import ping_outside


class Watcher(HTTPServer):
    """Counts who asks."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Watcher

    def do_GET(self) -> None:  # noqa: N802
        self.server.asked.append(self.path)
        self.send_response(200 if self.path == "/ping/secret" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def watcher(settings) -> Iterator[Watcher]:
    watcher = Watcher()
    Thread(target=watcher.serve_forever, daemon=True).start()
    settings.WATCHDOG_PING_URL = f"http://127.0.0.1:{watcher.server_port}/ping/secret"
    forget_figures()
    yield watcher
    watcher.shutdown()
    watcher.server_close()


def _all_well() -> None:
    for part in (Part.ANALYSIS, Part.BACKFILL, Part.MAIL, Part.BEAT):
        show_life(part, now=timezone.now())
    forget_figures()


def test_it_pings_only_while_all_is_well(db: None, watcher: Watcher) -> None:
    assert ping_outside() is False
    assert watcher.asked == []
    _all_well()
    assert ping_outside() is True
    assert watcher.asked == ["/ping/secret"]


def test_it_keeps_the_address_out_of_the_log(
    db: None, watcher: Watcher, settings, caplog: pytest.LogCaptureFixture
) -> None:
    _all_well()
    settings.WATCHDOG_PING_URL += "-wrong"
    with caplog.at_level(logging.WARNING):
        assert ping_outside() is False
    assert "was not reached" in caplog.text
    assert "secret" not in caplog.text


def test_it_pings_nobody_without_an_address(db: None, settings) -> None:
    settings.WATCHDOG_PING_URL = ""
    _all_well()
    assert ping_outside() is False
