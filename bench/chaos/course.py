"""One run: start everything, break things, let it come to rest, compare."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, connection
from django.urls import reverse
from django.utils import timezone

from bench.chaos.answering import deaf
from bench.chaos.fleet import line_up
from bench.chaos.monkey import SERVERS, Monkey
from bench.chaos.own_disk import OwnDisk
from bench.chaos.people import enrol
from bench.chaos.process_manager import ProcessManager, Service
from bench.chaos.settling import unsettled
from bench.chaos.several import START_S, NotStartedError, Several, status_of
from bench.chaos.truth import compare
from bench.chaos.verdict import failures, unexcused
from bench.live.course import NotAliveError
from bench.live.people import session_cookie
from devices.models import Segment
from devices.simulator.fleet import Fleet
from inference.models import LifeSign
from inference.models.life_sign import Part
from inference.warm_up import warm_up
from patients.models import User
from telecardio.demo.mailbox import Mailbox
from telecardio.demo.parts import mail_server, stack_environment
from telecardio.durability import durability_settings

# What a killed worker held, a mail or late samples, may wait for a minute each.
SETTLE_S = 240.0
DRAIN_S = 180.0


@dataclass(frozen=True)
class Options:
    """One run; something breaks every ``every_s`` (from, to) seconds."""

    seconds: float
    devices: int
    seed: int
    every_s: tuple[float, float]


def run(
    manager: ProcessManager,
    options: Options,
    environment: dict[str, str],
    folder: Path,
    disk: OwnDisk | None,
) -> dict[str, Any]:
    """Return what was done and what holds."""
    call_command("migrate", interactive=False, verbosity=0)
    durability = durability_settings()
    worn = enrol(options.devices, since=timezone.now() - timedelta(hours=1))
    cookie = session_cookie(User.objects.get(email=worn[0].doctor))
    with mail_server(folder / "mail") as (mailbox, mail):
        own = stack_environment(
            mail=mail, database=environment, site_url="http://127.0.0.1"
        )
        # Once, or every worker compiles at the same time.
        warm_up()
        several = Several(manager, folder, own)
        several.start()
        _wait_until_alive(manager, several)
        connection.close()
        fleet = Fleet(
            several.ingest_urls,
            line_up(worn, seconds=options.seconds),
            seed=options.seed,
            drain_s=DRAIN_S,
            # Jitter up to a minute would only make the run longer.
            backoff_s=0.2,
        )
        var = Path(environment["TELECARDIO_VAR"])
        monkey = Monkey(manager, var, disk, Random(options.seed), options.every_s)
        load = _Load(fleet, options.seconds)
        visitor = _Visitor(several.web_urls, cookie)
        load.start()
        visitor.start()
        monkey.run(options.seconds)
        manager.wait(DRAIN_S + 30, lambda: not load.is_alive())
        left = _settle(manager, [one.serial for one in worn])
        ready = manager.wait(60, several.answers)
        visitor.stop()
        answers = [status_of(url + _PAGE, cookie) for url in several.web_urls]
        doctors = {one.serial: one.doctor for one in worn}
        found = compare(fleet.devices, doctors, _message_ids(mailbox))
        silent = deaf(manager)
        segments = Segment.objects.count()
        last = _stop_all(manager, monkey)
    figures = {
        "seconds": options.seconds,
        "devices": options.devices,
        "seed": options.seed,
        **found.as_json(),
        "left": left,
        "ready": ready,
        "pages": answers,
        "deaf": silent,
        "segments": segments,
        "did": dict(monkey.did),
        "undone": monkey.undone,
        **last,
        "device_counts": _device_counts(fleet),
        "visits": {str(status): n for status, n in visitor.statuses.items()},
        "durability": durability,
        "story": monkey.story,
    }
    fails = [*found.wrong, *failures(figures)]
    return {"holds": not fails, "fails": fails, **figures}


_PAGE = reverse("open-alarms")


class _Load(threading.Thread):
    """All devices, until everything is acked."""

    def __init__(self, fleet: Fleet, seconds: float) -> None:
        super().__init__(name="devices", daemon=True)
        self.fleet, self.seconds = fleet, seconds

    def run(self) -> None:
        asyncio.run(self.fleet.run(self.seconds))


class _Visitor(threading.Thread):
    """A doctor's pages, which ask for open alarms."""

    def __init__(self, urls: list[str], cookie: str) -> None:
        super().__init__(name="visitor", daemon=True)
        self.urls, self.cookie = urls, cookie
        self.statuses: Counter[int] = Counter()
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(0.5):
            for url in self.urls:
                self.statuses[status_of(url + _PAGE, self.cookie)] += 1

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def _wait_until_alive(manager: ProcessManager, several: Several) -> None:
    if not manager.wait(START_S, several.answers):
        raise NotStartedError("Web and ingest are not ready.")
    parts = {part.value for part in Part}
    signs = LifeSign.objects.values_list("part", flat=True)
    if not manager.wait(START_S, lambda: parts <= set(signs.all())):
        raise NotAliveError(f"No sign of life: {parts - set(signs.all())}.")


def _settle(manager: ProcessManager, serials: list[str]) -> dict[str, int]:
    left: dict[str, int] = {}

    def is_settled() -> bool:
        nonlocal left
        left = _patiently(lambda: unsettled(serials), {"database away": 1})
        return not left

    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline and not is_settled():
        manager.wait(1.0)
    return left


def _patiently(
    read: Callable[[], dict[str, int]], otherwise: dict[str, int]
) -> dict[str, int]:
    try:
        return read()
    except (DatabaseError, InterfaceError):
        connection.close()
        return otherwise


def _message_ids(mailbox: Mailbox) -> Counter[str]:
    return Counter(str(mail["Message-ID"]).strip() for _, mail in mailbox.mails())


def _stop_all(manager: ProcessManager, monkey: Monkey) -> dict[str, Any]:
    """Stop everything but the servers; return how each process fared."""
    names = [name for name in manager.services if name != SERVERS]
    services = dict(manager.services)
    manager.stop(names)
    stops = [one for name in names for one in services[name].stopped]
    polite = {0, -15}
    return {
        "starts": {name: one.starts for name, one in services.items()},
        "killed": {name: one.killed for name, one in services.items() if one.killed},
        "ended_by_themselves": {name: one.ended for name, one in services.items()},
        "ended_unexcused": {
            name: count
            for name, one in services.items()
            if (count := _unexcused(one, monkey))
        },
        "stops": len(stops),
        "stop_statuses": dict(Counter(str(status) for _, status in stops)),
        "stop_s_most": round(max((took for took, _ in stops), default=0.0), 1),
        "stopped_rudely": {
            name: rude
            for name in names
            if (rude := [one for one in services[name].stopped if one[1] not in polite])
        },
    }


def _unexcused(service: Service, monkey: Monkey) -> int:
    if service.name != SERVERS:
        return len(service.ended)
    return unexcused(service.ended_at_s, monkey.disk_full_s)


def _device_counts(fleet: Fleet) -> dict[str, int]:
    total = fleet.counters
    names = ("requests", "repeated", "lost_acks", "reconnects", "new_streams")
    return {name: getattr(total, name) for name in names}
