"""A real web server on the test database, and real Chromium."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import Client
from playwright.sync_api import Page, expect, sync_playwright

from patients.models import User
from telecardio.processes import ROOT, free_port

# Traces must be seen to fall silent, and the machine may be busy.
expect.set_options(timeout=15_000)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def web_url(django_db_setup: None) -> Iterator[str]:
    """Run the web process on the test database; return its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "DATABASE_URL": run_database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_PREFIX": settings.REDIS_PREFIX,
        "LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "uvicorn", "telecardio.asgi:application"]
    command += ["--port", str(port), "--log-level", "warning"]
    server = subprocess.Popen(command, env=environment, cwd=ROOT)
    try:
        wait_for(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(20)


def run_database_url() -> str:
    """Return the address of the database this run made."""
    found = connection.settings_dict
    password = quote(found["PASSWORD"], safe="")
    host, port = found["HOST"], found["PORT"]
    if host.startswith("/"):
        where = f"/{found['NAME']}?host={quote(host)}"
    else:
        where = f"{host}:{port or 5432}/{found['NAME']}"
    return f"postgresql://{found['USER']}:{password}@{where}"


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None, "the web process ended"
        try:
            urllib.request.urlopen(f"{url}/login/", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the web process does not answer")


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    """Let the server see what the test stores.

    Playwright runs an event loop in this thread, so Django thinks that the test
    is asynchronous; it is not.
    """
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture
def errors() -> list[str]:
    """Collect what the browser's console says is wrong."""
    return []


@pytest.fixture
def page(committed: None, errors: list[str]) -> Iterator[Page]:
    """Give a page in Chromium, or report the test as not run.

    Chromium starts anew for each test: Playwright's event loop must not outlive it.
    """
    if CHROMIUM is None:
        pytest.skip("not run: Chromium is not here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda said: errors.append(said.text) if said.type == "error" else None,
        )
        yield page
        # Under Playwright's loop Django opened a connection of its own.
        connections.close_all()
        browser.close()


def sign_in(page: Page, url: str, user: User) -> None:
    """Give the browser the session of somebody who has signed in."""
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}
    page.context.add_cookies([cookie])
