"""What is seen of the processes from outside while the load runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Max

from bench.ingest.own_servers import OwnServers
from bench.ingest.processor_time import cpu_seconds
from bench.live.fleet import Fleet
from bench.live.memory import Memory
from bench.live.options import Options
from bench.live.own_process import OwnProcess
from bench.live.profiling import profiling
from devices.models import SEGMENT_S, Segment
from inference.models import LifeSign
from inference.models.life_sign import Part
from telecardio.processes import Stack

MEMORY_EVERY_S = 10.0
LOOK_EVERY_S = 0.5
ALIVE_S = 180.0

# How much stored signal of each live record waits for analysis.
LAGS = """
SELECT percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (
    ORDER BY (record.end_sample - coalesce(state.cursor_sample, 0))::float8 / record.fs
)
FROM devices_record record
LEFT JOIN inference_analysisstate state ON state.record_id = record.id
WHERE record.stream = ANY(%s)
"""


class NotAliveError(RuntimeError):
    """A part of the platform showed no sign of life."""


@dataclass(frozen=True)
class Course:
    """The measured time, what it cost, and how far behind the analysis was at its end.

    ``bench`` in ``cpu_s`` is this process, which looks and receives the mails.
    ``segments`` of the live devices were written meanwhile.
    """

    start: float
    end: float
    cpu_s: dict[str, float]
    memory: dict[str, Any]
    lag_s: dict[str, float]
    segments: int


def wait_until_alive(stack: Stack) -> None:
    """Wait until every part works: workers compile and load the analysis first."""
    deadline = time.monotonic() + ALIVE_S
    missing = set(Part)
    while missing:
        missing = set(Part) - {Part(sign.part) for sign in LifeSign.objects.all()}
        if time.monotonic() > deadline:
            raise NotAliveError(f"No sign of life: {', '.join(sorted(missing))}.")
        _wait(stack, until=time.monotonic() + LOOK_EVERY_S)


def run(
    stack: Stack,
    servers: OwnServers,
    load: OwnProcess,
    pages: OwnProcess,
    options: Options,
    fleet: Fleet,
) -> Course:
    """Start the load, and return when the measured time is over; it then goes on."""
    live = [plan.stream for plan in fleet.devices[: fleet.live]]
    platform = {name: child.pid for name, child in stack.children.items()}
    roots = {
        **platform,
        **servers.pids(),
        "generator": load.pid,
        "viewers": pages.pid,
    }
    begin = time.monotonic() + 1
    load.tell(begin)
    start = begin + options.warm_up_s
    end = start + options.seconds
    memory = Memory(roots)
    _wait(stack, until=start)
    newest = Segment.objects.aggregate(pk=Max("pk"))["pk"] or 0
    before = _processor_s(roots)
    with profiling(options.profile, platform):
        while (now := time.monotonic()) < end:
            memory.take()
            _wait(stack, until=min(now + MEMORY_EVERY_S, end))
        memory.take()
        after = _processor_s(roots)
    cpu_s = {kind: after[kind] - before[kind] for kind in after}
    written = Segment.objects.filter(pk__gt=newest, record__stream__in=live).count()
    return Course(start, end, cpu_s, memory.figures(), _lag_s(live), written)


def segment_figures(course: Course, devices: int) -> dict[str, Any]:
    """Return how many segments were written, and how many a steady state writes.

    The first of a record is due when it is 15 to 20 minutes long: until then, no
    compaction is in the figures.
    """
    seconds = course.end - course.start
    return {
        "segments": course.segments,
        "segments_usual": round(devices * seconds / SEGMENT_S, 1),
    }


def cpu_figures(course: Course, devices: int) -> dict[str, Any]:
    """Return the cores that each kind of process took, and ms per device and second."""
    seconds = course.end - course.start
    cores = {kind: spent / seconds for kind, spent in course.cpu_s.items()}
    return {
        "cores": {kind: round(taken, 3) for kind, taken in cores.items()},
        "cores_in_all": round(sum(cores.values()), 3),
        "ms_per_device_and_s": {
            kind: round(1000 * taken / devices, 3) for kind, taken in cores.items()
        },
        "ms_per_device_and_s_in_all": round(1000 * sum(cores.values()) / devices, 3),
    }


def _processor_s(roots: Mapping[str, int]) -> dict[str, float]:
    return {**cpu_seconds(roots), "bench": time.process_time()}


def _wait(stack: Stack, *, until: float) -> None:
    """Wait, and fail as soon as a process of the platform has ended."""
    while (rest := until - time.monotonic()) > 0:
        stack.check()
        time.sleep(min(LOOK_EVERY_S, rest))


def _lag_s(streams: list[str]) -> dict[str, float]:
    with connection.cursor() as cursor:
        cursor.execute(LAGS, [streams])
        (lags,) = cursor.fetchone() or (None,)
    return dict(zip(("p50", "p99", "most"), map(_rounded, lags or []), strict=False))


def _rounded(seconds: float) -> float:
    return round(seconds, 1)
