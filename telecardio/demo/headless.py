"""The demonstration without a screen: one JSON object of counts and latencies."""

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db.models import Sum

from devices.models import Chunk, Record, Segment
from devices.simulator.body_format import BodyFormat
from devices.simulator.counters import FleetSummary
from devices.simulator.fleet import Fleet
from inference.models import Alarm, AnalysisState
from telecardio.demo.accounts import DemoPeople, make_people
from telecardio.demo.installation import own_database
from telecardio.demo.latency import (
    beats_by_class,
    labelled_ms,
    percentiles,
    stored_ms,
)
from telecardio.demo.parts import (
    mail_server,
    make_fleet,
    migrate,
    running,
    stack_environment,
    until,
)
from telecardio.demo.viewer import Viewer
from telecardio.durability import durability_settings
from telecardio.processes import Stack

PASSWORD = "headless-demonstration"  # noqa: S105 -- its database lives for a minute
DRAIN_S = 20.0


def run_headless(
    *, seconds: float, packet_s: float, body_format: BodyFormat
) -> dict[str, Any]:
    """Run 8 devices for ``seconds`` on free ports and return what was measured."""
    with (
        tempfile.TemporaryDirectory(prefix="telecardio-") as name,
        own_database() as database,
        mail_server(Path(name) / "mail") as (mails, mail),
    ):
        durability = durability_settings()
        migrate()
        people = make_people(password=PASSWORD, now=datetime.now(UTC))
        site_url = "http://127.0.0.1"
        environment = stack_environment(mail=mail, database=database, site_url=site_url)
        with running(Stack(environment, Path(name))) as stack:
            fleet = make_fleet(
                people,
                url=stack.ingest_url,
                packet_s=packet_s,
                body_format=body_format,
            )
            since = datetime.now(UTC)
            summary, viewer = asyncio.run(_watch(fleet, people, stack, seconds))
            _drain()
            stack.check()
            return {
                **_counts(summary),
                "beats": beats_by_class(),
                "alarms": Alarm.objects.count(),
                "mails": mails.count(),
                "stored_ms": stored_ms(since),
                "labelled_ms": labelled_ms(since),
                "frame_ms": percentiles(viewer.frame_ms),
                "frames": len(viewer.frame_ms),
                "seconds": seconds,
                "devices": len(people.patients),
                "durability": durability,
            }


async def _watch(
    fleet: Fleet, people: DemoPeople, stack: Stack, seconds: float
) -> tuple[FleetSummary, Viewer]:
    stop = asyncio.Event()
    viewer = Viewer(
        stack.web_url,
        people.accounts[0][0],
        people.password,
        [member.patient.pk for member in people.patients],
    )
    watching = asyncio.create_task(viewer.run(stop))
    stack_check = asyncio.create_task(_check_often(stack))
    sending = asyncio.create_task(fleet.run(seconds, stop))
    await asyncio.wait({watching, sending}, return_when=asyncio.FIRST_COMPLETED)
    if watching.done():
        watching.result()
    summary = await sending
    # The last frames are on their way.
    await until(stop, 0.5)
    stack_check.cancel()
    await watching
    return summary, viewer


async def _check_often(stack: Stack) -> None:
    while True:
        stack.check()
        await asyncio.sleep(1)


def _drain() -> None:
    """Wait until everything stored has been analysed and its mails are sent."""
    deadline = time.monotonic() + DRAIN_S
    while time.monotonic() < deadline and not _settled():
        time.sleep(0.25)


def _settled() -> bool:
    for record in Record.objects.all():
        state = AnalysisState.objects.filter(record=record).first()
        reached = state and max(state.cursor_sample, state.flushed_sample or 0)
        if not reached or reached < record.end_sample:
            return False
    return not Alarm.objects.filter(mails__state="queued").exists()


def _counts(summary: FleetSummary) -> dict[str, int]:
    hot = Chunk.objects.aggregate(samples=Sum("n"))
    packed = Segment.objects.aggregate(samples=Sum("sample_count"))
    samples_stored = (hot["samples"] or 0) + (packed["samples"] or 0)
    return {
        "samples_sent": summary.total.samples_sent,
        "samples_stored": samples_stored,
        "lost": summary.total.samples_recorded - samples_stored,
        "packets": summary.total.packets_sent,
        "repeated": summary.total.repeated,
    }
