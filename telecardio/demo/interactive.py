"""The demonstration for people: printed accounts, a status line, Ctrl-C."""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from datetime import UTC, datetime

from asgiref.sync import sync_to_async
from django.conf import settings

from devices.simulator.body_format import BodyFormat
from devices.simulator.fleet import Fleet
from inference.models import Alarm, BeatBlock
from telecardio.demo.accounts import (
    DemoPeople,
    demo_password,
    make_people,
    make_spare_device,
)
from telecardio.demo.mailbox import Mailbox
from telecardio.demo.parts import (
    mail_server,
    make_fleet,
    migrate,
    running,
    stack_environment,
    until,
)
from telecardio.processes import Stack, free_port

STATUS_S = 1.0
CURL = """\
curl -X POST {url}/api/v1/packets \\
  -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \\
  -d '{{"stream": "5f0c9a1e77b24d10", "seq": 0, "first_sample": 0, "fs": 250,
       "leads": ["I"], "gain": 1000, "baseline": 2048, "at": null, "mono_ms": 0,
       "samples": ['$(seq -s, 2000 2100)']}}'"""


def run_interactive(
    *,
    host: str,
    port: int,
    ingest_port: int,
    seconds: float | None,
    packet_s: float,
    body_format: BodyFormat,
    reload: bool,
) -> None:
    """Run until Ctrl-C (or for ``seconds``), then stop everything cleanly."""
    var = settings.VAR_DIR
    port = free_port(host, preferred=port)
    ingest_port = free_port(host, preferred=ingest_port)
    address = _lan_address() if host == "0.0.0.0" else host  # noqa: S104
    site_url = f"http://{address}:{port}"
    _say("Preparing the database …")
    migrate()
    people = make_people(password=demo_password(var), now=datetime.now(UTC))
    with mail_server(var / "demo-mail") as (mails, mail):
        database = {
            "DATABASE_URL": settings.DATABASE_URL,
            "REDIS_URL": settings.REDIS_URL,
        }
        environment = stack_environment(mail=mail, database=database, site_url=site_url)
        stack = Stack(
            environment,
            var,
            host=host,
            web_port=port,
            ingest_port=ingest_port,
            reload=reload,
        )
        _say("Starting web, ingest, worker and beat …")
        with running(stack):
            fleet = make_fleet(
                people,
                url=stack.ingest_url,
                packet_s=packet_s,
                body_format=body_format,
            )
            _say(_welcome(people, site_url=site_url))
            if address != host:
                token = make_spare_device(now=datetime.now(UTC))
                _say(_real_device(site_url=site_url, token=token))
            asyncio.run(_run(fleet, stack, mails, seconds))
            _say("\nStopping …")
    _say("Stopped. What was recorded stays in var/ and is there next time.")


async def _run(
    fleet: Fleet, stack: Stack, mails: Mailbox, seconds: float | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    sending = asyncio.create_task(fleet.run(None, stop))
    status = asyncio.create_task(_show_status(fleet, stack, mails))
    waiting = asyncio.create_task(until(stop, seconds))
    done, _ = await asyncio.wait(
        {sending, status, waiting}, return_when=asyncio.FIRST_COMPLETED
    )
    stop.set()
    status.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(sending, waiting, status)
    for task in done - {status}:
        task.result()


async def _show_status(fleet: Fleet, stack: Stack, mails: Mailbox) -> None:
    started = time.monotonic()
    while True:
        stack.check()
        alarms, blocks = await sync_to_async(_rows)()
        seconds = int(time.monotonic() - started)
        count = fleet.counters
        line = (
            f"{seconds // 60:02d}:{seconds % 60:02d}  "
            f"{count.packets_sent:,} packets sent, "
            f"{count.samples_stored:,} of {count.samples_sent:,} samples stored, "
            f"{blocks:,} blocks analysed, {alarms} alarms, {mails.count()} mails"
        )
        if sys.stdout.isatty():
            sys.stdout.write(f"\r\033[K{line}")
        elif seconds % 10 == 0:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        await asyncio.sleep(STATUS_S)


def _rows() -> tuple[int, int]:
    return Alarm.objects.count(), BeatBlock.objects.count()


def _welcome(people: DemoPeople, *, site_url: str) -> str:
    accounts = [f"  {email:24}{what}" for email, what in people.accounts]
    return "\n".join(
        [
            "",
            f"Telecardio runs at {site_url}",
            "",
            f"Accounts, all with the password {people.password}",
            *accounts,
            "",
            f"Mails that were sent: {site_url}/demo/mails/",
            "",
            "Decision support, not a certified medical device.",
            "Ctrl-C stops.",
            "",
        ]
    )


def _real_device(*, site_url: str, token: str) -> str:
    return "\n".join(
        [
            "A real device, worn by patient P-009, uploads to this machine's address",
            "in the local network with a token of its own. Try it from elsewhere:",
            "",
            CURL.format(url=site_url, token=token),
            "",
        ]
    )


def _lan_address() -> str:
    """Return this machine's address on the local network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # The address is one reserved for documentation (RFC 5737).
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
