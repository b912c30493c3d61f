"""Which processes hang: they have not ended, and do nothing any more."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from celery.utils.nodenames import host_format
from django.db import DatabaseError, connection
from django.utils import timezone
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from bench.chaos.process_manager import ProcessManager, Service, send_signal
from inference.models import LifeSign
from inference.models.life_sign import Part
from telecardio.celery import app

# A worker of one process answers between its tasks, which take seconds.
ANSWER_S = 10.0
# The schedule brings each queue something every few seconds.
DEAF_AFTER_S = 60.0
# What a beat asked for before it was paused has begun by then.
ASKED_BEFORE = timedelta(seconds=3)


def deaf(manager: ProcessManager) -> list[str]:
    """Name the workers and beats that do not answer; nothing may be broken meanwhile.

    A worker answers by its own name, and begins a task: one that only answers takes
    none any more. A beat has its tasks done while the others are paused.
    """
    services = list(manager.services.values())
    beats = [one for one in services if "beat" in one.command]
    silent = _silent_workers(manager, services)
    for beat in beats:
        others = [one for one in beats if one is not beat]
        if not _beats_alone(manager, others):
            silent.append(beat.name)
    return silent


def _silent_workers(manager: ProcessManager, services: Iterable[Service]) -> list[str]:
    names = {node: one.name for one in services if (node := _node(one))}
    begun: dict[str, int] = {}
    deadline = time.monotonic() + DEAF_AFTER_S
    while names and time.monotonic() < deadline:
        for node, count in _begun(list(names)).items():
            # Who was started again meanwhile begins to count anew.
            if count != begun.setdefault(node, count):
                del names[node]
        manager.wait(1.0)
    return [
        f"{name}: {'takes no task' if node in begun else 'no answer'}"
        for node, name in names.items()
    ]


def _node(service: Service) -> str:
    """Return the name by which a worker is asked; empty: it is none."""
    words = service.command
    if "--hostname" not in words:
        return ""
    return host_format(words[words.index("--hostname") + 1])


def _begun(nodes: list[str]) -> dict[str, int]:
    """Return how many tasks each worker that answers has begun."""
    said: dict[str, Any] = {}
    try:
        with app.connection_for_write() as broker:
            asking = app.control.inspect(nodes, timeout=ANSWER_S, connection=broker)
            said = asking.stats() or {}
    except (KombuError, RedisError, OSError):
        return {}
    return {
        node: sum(stats["total"].values())
        for node, stats in said.items()
        if "total" in stats
    }


def _beats_alone(manager: ProcessManager, others: list[Service]) -> bool:
    paused = [pid for one in others if (pid := one.pid) is not None]
    for pid in paused:
        send_signal(pid, signal.SIGSTOP)
    since = timezone.now() + ASKED_BEFORE
    try:
        return manager.wait(
            DEAF_AFTER_S, lambda: (at := _sign()) is not None and at > since
        )
    finally:
        for pid in paused:
            send_signal(pid, signal.SIGCONT)


def _sign() -> datetime | None:
    """Return when the schedule last showed that it works."""
    try:
        sign = LifeSign.objects.filter(part=Part.BEAT).first()
    except DatabaseError:
        connection.close()
        return None
    return sign and sign.at
