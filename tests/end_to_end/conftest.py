"""The whole platform as its own processes, on a database of its own."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import global_settings
from django.db import connection
from django.test import override_settings

from devices.simulator.fleet import Fleet, FleetSummary, VirtualDeviceSpec
from telecardio.demo.accounts import DemoPeople, make_people
from telecardio.demo.installation import own_database
from telecardio.demo.mailbox import Mailbox
from telecardio.demo.parts import mail_server, migrate, running, stack_environment
from telecardio.processes import Stack

PASSWORD = "a-password-for-tests"


@dataclass
class Platform:
    """A running platform, its people and the mails it sent."""

    stack: Stack
    people: DemoPeople
    mails: Mailbox

    def send(
        self, *specs: VirtualDeviceSpec, seconds: float | None = None
    ) -> FleetSummary:
        """Record and upload, in this process, until everything is acked."""
        fleet = Fleet(self.stack.ingest_url, specs, backoff_s=0.2)
        return asyncio.run(fleet.run(seconds))


@contextmanager
def running_platform(**environment: str) -> Iterator[Platform]:
    """Run web, ingest, worker and beat as `make demo` does."""
    with (
        tempfile.TemporaryDirectory(prefix="telecardio-") as name,
        own_database() as database,
        mail_server(Path(name) / "mail") as (mails, mail),
    ):
        migrate()
        # The processes know only the hashes of real life.
        with override_settings(PASSWORD_HASHERS=global_settings.PASSWORD_HASHERS):
            people = make_people(password=PASSWORD, now=datetime.now(UTC))
        own = stack_environment(
            mail=mail, database=database, site_url="http://127.0.0.1"
        )
        with running(Stack({**own, **environment}, Path(name))) as stack:
            yield Platform(stack, people, mails)
        connection.close()


@pytest.fixture
def platform(django_db_blocker: pytest.Item) -> Iterator[Platform]:
    """Give a running platform on the checkout's embedded servers."""
    with django_db_blocker.unblock(), running_platform() as platform:
        yield platform


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until a condition holds; fail in words when it does not."""

    def wait(condition: Callable[[], object], what: str, within_s: float = 30) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"Not within {within_s:g} s: {what}")
            time.sleep(0.1)

    return wait
