"""One case after the other: the floors, then the platform's own ingest server."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management import call_command
from django.utils import timezone

from bench.day import read_day
from bench.ingest.http_load import Outcome, send_all
from bench.ingest.http_servers import PLATFORM, Running, fixed_answer, ingest_server
from bench.ingest.own_servers import OwnServers
from bench.ingest.processor_time import cpu_seconds
from bench.ingest.uploads import Sender, Uploads, senders_of, uploads
from devices.simulator.body_format import BINARY, JSON, BodyFormat
from devices.simulator.enrol import enrol_simulated_devices
from telecardio.demo.latency import percentiles
from telecardio.durability import durability_settings

GAIN = 1000.0
HISTORY = timedelta(hours=2)
# More than any case has reached; it bounds what is prepared.
MOST_PACKETS_PER_S = {1: 5000, 20: 20000}
# A clock more than 5 min ahead would count as none.
MOST_AHEAD_S = 280.0
CEILING_S = 2.0


@dataclass(frozen=True)
class Case:
    """What is sent, in which form, and to which application."""

    name: str
    application: str
    body_format: BodyFormat | None = None
    batch: int = 1
    settings: str = "telecardio.settings"


BARE_DRF = "bare_drf"
CASES = (
    Case("bare_floor", "bench.ingest.bare_wsgi:application"),
    Case(
        BARE_DRF,
        "bench.ingest.bare_drf:application",
        settings="bench.ingest.bare_settings",
    ),
    Case("json_single", PLATFORM, JSON),
    Case("binary_single", PLATFORM, BINARY),
    Case("json_batch_of_20", PLATFORM, JSON, batch=20),
    Case("binary_batch_of_20", PLATFORM, BINARY, batch=20),
)


@dataclass(frozen=True)
class Bench:
    """The servers and devices that all cases share."""

    servers: OwnServers
    senders: Sequence[Sender]
    connections: int
    packet_s: float
    seconds: float

    def run(self, cases: Sequence[Case]) -> dict[str, dict[str, Any]]:
        """Return the figures of each case; a server goes on as long as it fits."""
        found: dict[str, dict[str, Any]] = {}
        for (application, settings), same in groupby(
            cases, key=lambda case: (case.application, case.settings)
        ):
            environment = {
                **self.servers.environment,
                "DJANGO_SETTINGS_MODULE": settings,
            }
            with ingest_server(application, environment, self.servers.var) as server:
                found |= {case.name: self._one(case, server) for case in same}
        return found

    def _one(self, case: Case, server: Running) -> dict[str, Any]:
        prepared = self._prepare(case)
        pids = {"ingest": server.pid, **self.servers.pids()}
        before: dict[str, float] = {}
        outcome = self._send(
            server,
            prepared,
            seconds=self.seconds,
            when_warm=lambda: before.update(cpu_seconds(pids)),
        )
        cpu_s = {
            kind: round(spent - before[kind], 2)
            for kind, spent in cpu_seconds(pids).items()
        }
        figures = _figures(outcome, case.batch, cpu_s)
        return {**figures, "lost": prepared.lost(outcome.acked)}

    def ceiling(self) -> float:
        """Return the requests per second that the load generator gets through."""
        prepared = self._prepare(Case("", "", BINARY))
        with fixed_answer() as server:
            outcome = self._send(server, prepared, seconds=min(CEILING_S, self.seconds))
        return round(outcome.requests / outcome.wall_s, 1)

    def _send(self, server: Running, prepared: Uploads, **how: Any) -> Outcome:
        return send_all(
            server.port,
            prepared.queues,
            packets=prepared.packets_per_request,
            warm_up=prepared.warm_up,
            **how,
        )

    def _prepare(self, case: Case) -> Uploads:
        wanted = MOST_PACKETS_PER_S[case.batch] * self.seconds / len(self.senders)
        # Besides those that warm up.
        packets = min(wanted, MOST_AHEAD_S / self.packet_s)
        return uploads(
            self.senders,
            body_format=case.body_format,
            batch=case.batch,
            batches=1 + ceil(packets / case.batch),
            packet_s=self.packet_s,
            start_at=_start_at(case),
            connections=self.connections,
        )


def measure(
    servers: OwnServers,
    *,
    data: Path | None,
    seconds: float,
    devices: int,
    connections: int,
    packet_s: float = 2.0,
) -> dict[str, Any]:
    """Return the figures of every case, the floors' among them."""
    call_command("migrate", interactive=False, verbosity=0)
    durability = durability_settings()
    day = read_day(data, 600)
    adu = np.rint(day.mv * GAIN).astype(np.int16)[:, None]
    enrolled = enrol_simulated_devices(devices, since=timezone.now() - 2 * HISTORY)
    bench = Bench(
        servers, senders_of(enrolled, adu, GAIN), connections, packet_s, seconds
    )
    found = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, all in one",
        "signal": f"one lead, 250 Hz, {packet_s:g} s a packet: {day.source}",
        "devices": devices,
        "connections": connections,
        "seconds": seconds,
        "durability": durability,
        "generator_ceiling_requests_per_s": bench.ceiling(),
    }
    cases = bench.run(CASES)
    for case in CASES:
        if case.body_format is not None and case.batch == 1:
            cases[case.name] |= _against(cases[BARE_DRF], cases[case.name])
    return {**found, **cases, "lost": sum(each["lost"] for each in cases.values())}


def _start_at(case: Case) -> datetime:
    # Batches are a backlog; the single packets of the rest are of now.
    return timezone.now() - (HISTORY if case.batch > 1 else timedelta(seconds=2))


def _figures(outcome: Outcome, batch: int, cpu_s: dict[str, float]) -> dict[str, Any]:
    packets = (outcome.requests - outcome.refused) * batch
    all_cpu_ms = 1000 * sum(cpu_s.values())
    return {
        "packets_per_s": round(packets / outcome.wall_s, 1),
        "packets": packets,
        "refused": outcome.refused,
        **({"first_refusal": outcome.first_refusal} if outcome.refused else {}),
        "ack_ms": percentiles(outcome.ack_ms),
        "wall_s": round(outcome.wall_s, 2),
        "cpu_s": {**cpu_s, "generator": round(outcome.cpu_s, 2)},
        "cpu_ms_per_packet": round(all_cpu_ms / packets, 3) if packets else None,
    }


def _against(bare: dict[str, Any], ours: dict[str, Any]) -> dict[str, float]:
    return {
        "ratio_to_bare_drf": round(ours["packets_per_s"] / bare["packets_per_s"], 3),
        # On a machine with other work, this one is the steadier.
        "cpu_ratio_to_bare_drf": round(
            bare["cpu_ms_per_packet"] / ours["cpu_ms_per_packet"], 3
        ),
    }
