"""One run: start everything, let it run in real time, compare, add up."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from bench.ingest.own_servers import OwnServers
from bench.live.course import (
    Course,
    cpu_figures,
    run,
    segment_figures,
    wait_until_alive,
)
from bench.live.fleet import Fleet, line_up
from bench.live.generator import generate
from bench.live.latency import Window, ack_figures
from bench.live.log_errors import log_errors
from bench.live.machine import machine
from bench.live.options import Options
from bench.live.own_process import own_process
from bench.live.people import enrol, make_viewers
from bench.live.plan import LoadOutcome, LoadPlan, ViewersOutcome, ViewersPlan
from bench.live.rounds import doing_rounds
from bench.live.shown import frame_figures, label_figures
from bench.live.stored_labels import read_stored
from bench.live.truth import compare, never_acked
from bench.live.viewers import view
from telecardio.demo.latency import percentiles
from telecardio.demo.parts import mail_server, running, stack_environment
from telecardio.durability import durability_settings
from telecardio.processes import Stack

# The load goes on after the measured time until its last beats are labelled.
TAIL_S = 10.0
DRAIN_S = 30.0
HISTORY = timedelta(hours=2)


def measure(servers: OwnServers, options: Options) -> dict[str, Any]:
    """Run the platform under load and return all figures."""
    about = machine()
    call_command("migrate", interactive=False, verbosity=0)
    durability = durability_settings()
    worn = enrol(
        options.devices + options.backfill_devices,
        since=timezone.now() - HISTORY - timedelta(hours=options.backfill_hours),
    )
    viewers = make_viewers(worn[: options.devices], viewers=options.viewers)
    fleet = line_up(worn, options)
    with _platform(servers) as (stack, count_mails):
        wait_until_alive(stack)
        polled = [reverse("open-alarms"), reverse("watchdog")]
        watch = ViewersPlan(stack.web_port, viewers, polled)
        seconds = options.warm_up_s + options.seconds + TAIL_S
        send = LoadPlan(
            stack.ingest_port, fleet.devices, fleet.templates, seconds, DRAIN_S
        )
        with (
            own_process("viewers", view, watch) as pages,
            own_process("generator", generate, send) as load,
            doing_rounds(stack.web_port) as rounds,
        ):
            course = run(stack, servers, load, pages, options, fleet)
            outcome: LoadOutcome = load.hear(LoadOutcome, TAIL_S + 2 * DRAIN_S)
            pages.tell("stop")
            seen: ViewersOutcome = pages.hear(ViewersOutcome, DRAIN_S)
        window = Window(fleet, outcome, course.start, course.end)
        # Before anything more is labelled than was at the end of the load.
        stored = read_stored(window)
        stack.check()
        mails = count_mails()
        errors = log_errors(stack.log_dir, list(stack.children))
    return {
        **_asked(options),
        **asdict(compare(fleet, outcome)),
        "never_acked": never_acked(fleet, outcome),
        # Thrown away: the device may not send them again.
        "packets_refused": outcome.verdicts.total(),
        **ack_figures(window),
        **frame_figures(window, viewers, seen),
        **label_figures(window, viewers, seen, stored),
        "analysis_lag_s": course.lag_s,
        "refused": dict(outcome.statuses),
        "verdicts": dict(outcome.verdicts),
        **({"first_refusal": outcome.first_refusal} if outcome.statuses else {}),
        "failed_requests": outcome.failed_requests,
        "answer_timeouts": outcome.timeouts,
        "reconnects": outcome.reconnects,
        **_page_figures(seen, window),
        "mails": mails,
        "alarms_acknowledged": rounds.acknowledged,
        **({"acknowledging_failed": rounds.failed} if rounds.failed else {}),
        "backfill": _backfill(fleet, outcome, course),
        **segment_figures(course, options.devices),
        "cpu": cpu_figures(course, options.devices),
        "memory": course.memory,
        "log_errors": errors,
        "generator": {
            "slip_ms": percentiles(outcome.slip_ms),
            "largest_batch": outcome.largest_batch,
        },
        "signal": f"one lead, 250 Hz: {fleet.signal}",
        "durability": durability,
        "machine": about,
    }


@contextmanager
def _platform(servers: OwnServers) -> Iterator[tuple[Stack, Callable[[], int]]]:
    """Run all processes of the platform and an SMTP server; give a count of mails."""
    with (
        tempfile.TemporaryDirectory(prefix="telecardio-") as name,
        mail_server(Path(name) / "mail") as (mails, mail),
    ):
        environment = stack_environment(
            mail=mail, database=servers.environment, site_url="http://127.0.0.1"
        )
        with running(Stack(environment, Path(name))) as stack:
            yield stack, mails.count


def _asked(options: Options) -> dict[str, Any]:
    return {
        "devices": options.devices,
        "packet_s": options.packet_s,
        "viewers": options.viewers,
        "seconds": options.seconds,
        "warm_up_s": options.warm_up_s,
        "format": options.form,
        "throttled": not options.unthrottled,
    }


def _page_figures(seen: ViewersOutcome, window: Window) -> dict[str, Any]:
    polls = np.frombuffer(seen.poll_ms, float)
    asked = window.holds(np.frombuffer(seen.poll_at, float))
    return {
        "dropped": seen.dropped,
        "sockets_closed": seen.closed,
        **({"viewers_trouble": seen.trouble} if seen.trouble else {}),
        "poll_ms": percentiles(polls[asked]),
        "failed_polls": seen.failed_polls,
    }


def _backfill(fleet: Fleet, outcome: LoadOutcome, course: Course) -> dict[str, Any]:
    """Return how fast the backlogs went up, until all were there or time was over."""
    acked = [np.frombuffer(one, float) for one in outcome.acked[fleet.live :]]
    if not acked:
        return {}
    heard = np.concatenate(acked)
    there = heard[~np.isnan(heard)]
    until = float(there.max()) if len(there) else outcome.ended
    return {
        "devices": len(acked),
        "packets": len(heard),
        "acked": len(there),
        "packets_per_s": round(len(there) / (until - course.start), 1),
        "signal_h_per_s": round(
            len(there) * fleet.templates.packet_s / 3600 / (until - course.start), 3
        ),
    }
