"""What a page asks for every few seconds, by the clock.

A page whose answer failed has nothing new until the next round, and a round that is
late because the one before took long was waited for: ``poll_ms`` has both in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

import httpx

from bench.live.plan import ViewersOutcome

# As telecardio/static/js does: the socket's ping, the open alarms, the watchdog.
EVERY_S = 5.0


async def poll(
    client: httpx.AsyncClient,
    paths: Sequence[str],
    outcome: ViewersOutcome,
    *,
    due: float,
) -> None:
    """Ask for all paths at ``due`` (a monotonic time), and again until cancelled."""
    while True:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        late_s = time.monotonic() - due
        for path in paths:
            await _ask(client, path, outcome, since=time.monotonic() - late_s)
        due += EVERY_S


async def _ask(
    client: httpx.AsyncClient, path: str, outcome: ViewersOutcome, *, since: float
) -> None:
    is_news = False
    try:
        with contextlib.suppress(httpx.HTTPError):
            is_news = (await client.get(path)).is_success
        outcome.failed_polls += not is_news
    finally:
        # Who still waits when the pages are closed has waited, too.
        waited_s = time.monotonic() - since
        outcome.poll_at.append(since)
        outcome.poll_ms.append(1000 * max(waited_s, 0.0 if is_news else EVERY_S))
