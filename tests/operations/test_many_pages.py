"""Many pages ask at once: they take turns, and nobody is refused."""

import asyncio
import time

import httpx
import psycopg
import pytest
from django.conf import settings
from django.test import Client

from patients.models import User
from telecardio.operations.pages_handler import AT_ONCE
from tests.browser.conftest import run_database_url, web_url

__all__ = ["web_url"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PAGES = 3 * AT_ONCE


def test_they_take_turns_and_machines_are_answered_meanwhile(
    web_url: str, alice: User
) -> None:
    client = Client()
    client.force_login(alice)
    name = settings.SESSION_COOKIE_NAME
    cookies = {name: client.cookies[name].value}
    with psycopg.connect(run_database_url()) as blocker:
        # Whoever asks who is signed in waits until this is rolled back.
        blocker.execute("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE")
        asyncio.run(_ask(web_url, cookies, blocker))


async def _ask(url: str, cookies: dict[str, str], blocker: psycopg.Connection) -> None:
    limits = httpx.Limits(max_connections=PAGES + 1)
    async with httpx.AsyncClient(
        base_url=url, cookies=cookies, limits=limits, timeout=60
    ) as client:
        pages = [asyncio.create_task(client.get("/alarms/open/")) for _ in range(PAGES)]
        try:
            for _ in range(300):
                await asyncio.sleep(0.05)
                if _waiting() >= AT_ONCE:
                    break
            await asyncio.sleep(0.5)
            assert _waiting() == AT_ONCE
            asked = time.monotonic()
            assert (await client.get("/healthz")).status_code == 200
            assert time.monotonic() - asked < 10
            assert not any(page.done() for page in pages)
            # Who goes away leaves a thread that still waits, and no turn.
            for page in pages[:AT_ONCE]:
                page.cancel()
            await asyncio.wait(pages[:AT_ONCE])
            await asyncio.sleep(1)
            assert _waiting() == AT_ONCE
        finally:
            blocker.rollback()
        answers = await asyncio.gather(*pages[AT_ONCE:])
    assert {answer.status_code for answer in answers} == {200}


def _waiting() -> int:
    """Return how many connections wait for the table of sessions."""
    with psycopg.connect(run_database_url(), autocommit=True) as watcher:
        [(count,)] = watcher.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database() AND query LIKE '%django_session%'"
        ).fetchall()
    return int(count)
