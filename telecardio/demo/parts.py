"""What both ways of running the demonstration are made of."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aiosmtpd.controller import Controller
from django.core.management import call_command

from devices.simulator.body_format import BodyFormat
from devices.simulator.fleet import Fleet, VirtualDeviceSpec
from devices.simulator.scripts import script_source
from telecardio.demo.accounts import DemoPeople
from telecardio.demo.mailbox import Mailbox, start_smtp_server
from telecardio.processes import Stack, free_port

FS = 250


@contextmanager
def mail_server(folder: Path) -> Iterator[tuple[Mailbox, dict[str, str]]]:
    """Run the demo's SMTP server; give its mails and the environment to use it."""
    kept = Mailbox(folder)
    port = free_port()
    server: Controller = start_smtp_server(kept, port=port)
    environment = {
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(port),
        "EMAIL_USE_TLS": "false",
        "EMAIL_USE_SSL": "false",
        "EMAIL_PASSWORD": "",
        "DEMO_MAIL_DIR": str(folder),
    }
    try:
        yield kept, environment
    finally:
        server.stop()


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """Run every process of the stack; stop them whatever happens."""
    try:
        stack.start_all()
        yield stack
    except Exception as error:
        # The logs of a temporary folder go with it, so say now what they end with.
        for name in stack.children:
            error.add_note(stack.last_words(name))
        raise
    finally:
        stack.stop_all()


def migrate() -> None:
    """Bring the database to the present schema."""
    call_command("migrate", interactive=False, verbosity=0)


def make_fleet(
    people: DemoPeople, *, url: str, packet_s: float, body_format: BodyFormat
) -> Fleet:
    """Give every demo patient's device its rhythm."""
    specs = [
        VirtualDeviceSpec(
            serial=member.serial,
            token=member.token,
            source=script_source(member.script, number=number, fs=FS),
            packet_s=packet_s,
            body_format=body_format,
        )
        for number, member in enumerate(people.patients)
    ]
    return Fleet(url, specs)


def stack_environment(
    *, mail: Mapping[str, str], database: Mapping[str, str], site_url: str
) -> dict[str, str]:
    """Return what the processes need to know beyond the caller's environment."""
    return {**database, **mail, "SITE_URL": site_url, "LOG_LEVEL": "WARNING"}


async def until(stop: asyncio.Event, seconds: float | None) -> None:
    """Wait for ``stop``, at most ``seconds``."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        stop.set()
