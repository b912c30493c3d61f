"""One case after the other: the floors, then the platform's own ingest server."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
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
# A clock more than 5 min ahead would count as none; a backlog has all that lies behind.
MOST_AHEAD_S = 280.0
CEILING_S = 2.0
PROBE_S = 3.0


@dataclass(frozen=True)
class Case:
    """What is sent, in which form, and to which application."""

    name: str
    application: str
    body_format: BodyFormat | None = None
    batch: int = 1
    settings: str = "telecardio.settings"
    # Of each process; the platform's says itself how many it has.
    threads: int = 4


BARE_DRF = "bare_drf"
BARE_CASES = (
    Case("bare_floor", "bench.ingest.bare_wsgi:application"),
    Case(
        BARE_DRF,
        "bench.ingest.bare_drf:application",
        settings="bench.ingest.bare_settings",
    ),
)
CASES = (
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
        for (application, settings, threads), same in groupby(
            cases, key=lambda case: (case.application, case.settings, case.threads)
        ):
            environment = {
                **self.servers.environment,
                "DJANGO_SETTINGS_MODULE": settings,
            }
            with ingest_server(
                application, environment, self.servers.var, threads=threads
            ) as server:
                found |= {case.name: self._one(case, server) for case in same}
        return found

    def run_at_best(self, case: Case, tried: Sequence[int]) -> dict[str, Any]:
        """Return the figures of a case with the number of threads that serves it best.

        Which one that is, short runs tell; they are no figures.
        """
        rates: dict[int, float] = {}
        if len(tried) > 1:
            probe = replace(self, seconds=min(PROBE_S, self.seconds))
            for threads in tried:
                found = probe.run([replace(case, threads=threads)])
                rates[threads] = found[case.name]["packets_per_s"]
        best = max(tried, key=lambda threads: rates.get(threads, 0.0))
        return {
            **self.run([replace(case, threads=best)])[case.name],
            "threads_per_process": best,
            "packets_per_s_by_threads": rates,
        }

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
        lost = prepared.lost(outcome.acked)
        return {**figures(outcome, case.batch, cpu_s), "lost": lost}

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
        packets = min(
            wanted, (_behind(case).total_seconds() + MOST_AHEAD_S) / self.packet_s
        )
        return uploads(
            self.senders,
            body_format=case.body_format,
            batch=case.batch,
            batches=1 + ceil(packets / case.batch),
            packet_s=self.packet_s,
            start_at=timezone.now() - _behind(case),
            connections=self.connections,
        )


def measure(
    servers: OwnServers,
    *,
    data: Path | None,
    seconds: float,
    devices: int,
    connections: int,
    threads: Sequence[int],
    packet_s: float = 2.0,
) -> dict[str, Any]:
    """Return the figures of every case, the floors' among them.

    The bare ones are tried with each number of ``threads`` per process, and the best
    one counts. ``faults`` says why the figures are not to be believed.
    """
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
    cases = {case.name: bench.run_at_best(case, threads) for case in BARE_CASES}
    cases |= bench.run(CASES)
    for case in CASES:
        if case.batch == 1:
            cases[case.name] |= against(cases[BARE_DRF], cases[case.name])
    return {
        **found,
        **cases,
        "lost": sum(each["lost"] for each in cases.values()),
        "faults": faults(cases),
    }


def faults(cases: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return in words which cases did not store all that was sent."""
    found = []
    for name, case in cases.items():
        if case["refused"]:
            found.append(f"{name}: {case['refused']} requests were refused")
        if not case["packets"]:
            found.append(f"{name}: nothing was stored")
        if case["lost"]:
            found.append(f"{name}: {case['lost']} acked packets are not stored")
    return found


def _behind(case: Case) -> timedelta:
    # Batches are a backlog; the single packets of the rest are of now.
    return HISTORY if case.batch > 1 else timedelta(seconds=2)


def figures(outcome: Outcome, batch: int, cpu_s: dict[str, float]) -> dict[str, Any]:
    """Return what was stored, how fast and for what processor time."""
    packets = len(outcome.ack_ms) * batch
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


def against(bare: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Return how we compare; None where one of both stored nothing."""
    if not (bare["packets"] and ours["packets"]):
        return {"ratio_to_bare_drf": None, "cpu_ratio_to_bare_drf": None}
    return {
        "ratio_to_bare_drf": round(ours["packets_per_s"] / bare["packets_per_s"], 3),
        # On a machine with other work, this one is the steadier.
        "cpu_ratio_to_bare_drf": round(
            bare["cpu_ms_per_packet"] / ours["cpu_ms_per_packet"], 3
        ),
    }
