"""``manage.py simulate``: virtual devices that upload to a Telecardio server."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from devices.simulator.body_format import FORMATS
from devices.simulator.counters import FleetSummary
from devices.simulator.enrol import enrol_simulated_devices
from devices.simulator.faults import Faults
from devices.simulator.fleet import Fleet
from devices.simulator.history import fill_histories
from devices.simulator.lineup import (
    line_up,
    read_tokens,
    record_sources,
    script_sources,
)
from devices.simulator.source import SignalSource
from patients.models import User

DEFAULT_SCRIPTS = "sinus,pvc,af,vt,pause,brady,noise,lead_off,outage"


def outage(text: str) -> tuple[float, float]:
    """Read ``START:END``, seconds of signal."""
    try:
        start, end = (float(part) for part in text.split(":"))
    except ValueError:
        message = f"{text!r} is not START:END, for example 20:50"
        raise argparse.ArgumentTypeError(message) from None
    return start, end


def duration(text: str) -> float:
    """Read ``30d``, ``12h``, ``45min`` or ``90s`` as seconds."""
    for unit, seconds in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number = text.removesuffix(unit)
        if number != text and number.replace(".", "", 1).isdigit() and float(number):
            return float(number) * seconds
    message = f"{text!r} is no length of time such as 30d, 12h, 45min or 90s"
    raise argparse.ArgumentTypeError(message)


class Command(BaseCommand):
    """Run virtual devices over the real HTTP API and say what became of it."""

    help = (
        "Simulate devices that upload ECG over HTTP. Without --tokens the devices "
        "SIM-0001 and so on are enrolled in the local installation."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--url", default="http://127.0.0.1:8000", help="the server")
        add("--devices", type=int, help="how many (default: 9, or one per token)")
        add("--tokens", type=Path, help="JSON lines with serial and token")
        add("--doctor", metavar="EMAIL", help="who treats the simulated patients")
        add("--records", type=Path, help="WFDB records to replay: a folder, or one")
        add("--scripts", default=DEFAULT_SCRIPTS, help="synthetic signals, in turn")
        add("--fs", type=int, help="resample records, or synthesise, at this fs (Hz)")
        add("--seconds", type=float, help="seconds of signal per device")
        add(
            "--fill", type=duration, metavar="30d", help="store so much history at once"
        )
        add("--speed", type=float, default=1.0, help="1: real time, 0: no waiting")
        add("--packet-s", type=float, default=1.0, help="signal per packet, seconds")
        add("--format", choices=FORMATS, default="json", help="of the packets")
        add("--outage", type=outage, action="append", default=[], metavar="S:E")
        add("--lost-acks", type=float, default=0.0, metavar="P", help="share, 0 to 1")
        add("--shuffle", action="store_true", help="send packets in random order")
        add("--probe-s", type=float, default=60.0, help="wait without a patient, s")
        add("--seed", type=int, default=0)
        add("--progress", action=argparse.BooleanOptionalAction, default=True)
        add("--json", action="store_true", help="print the summary as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["fill"] is not None:
            self._fill(options)
            return
        asyncio.run(_reachable(options["url"]))
        try:
            fleet = self._fleet(options)
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        asyncio.run(_reachable(options["url"], fleet.specs[0].token))
        summary = asyncio.run(
            _run(fleet, options["seconds"], progress=options["progress"])
        )
        self._report(fleet, summary, as_json=options["json"])

    def _fill(self, options: dict[str, Any]) -> None:
        """Store history of local devices, without HTTP; workers analyse it."""
        if options["tokens"]:
            raise CommandError("--fill is for this installation's own devices.")
        try:
            sources = self._sources(options | {"seconds": 1.0}, options["devices"] or 1)
            records = fill_histories(
                sources,
                seconds=options["fill"],
                packet_s=options["packet_s"],
                doctor=_doctor(options["doctor"]),
                progress=options["progress"],
            )
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        told = [
            {
                "serial": record.device.serial if record.device else "",
                "record": record.pk,
                "samples": record.sample_count,
                "bytes": sum(record.segments.values_list("size", flat=True)),
            }
            for record in records
        ]
        if options["json"]:
            self.stdout.write(json.dumps({"records": told}))
            return
        for one in told:
            self.stdout.write(
                "{serial}: record {record}, {samples} samples, {bytes} bytes; "
                "the workers analyse it".format(**one)
            )

    def _fleet(self, options: dict[str, Any]) -> Fleet:
        faults = Faults(
            outages=tuple(options["outage"]),
            lost_acks=options["lost_acks"],
            shuffle=options["shuffle"],
        )
        seconds, speed = options["seconds"], options["speed"]
        if seconds is not None and seconds <= 0:
            raise ValueError("--seconds must be above 0.")
        if speed < 0:
            raise ValueError("--speed must not be below 0.")
        if not options["records"] and seconds is None and (speed > 1 or speed == 0):
            raise ValueError("Synthetic signals never end: give --seconds.")
        tokens = read_tokens(options["tokens"]) if options["tokens"] else None
        count = options["devices"] or (len(tokens) if tokens else 9)
        if count < 1 or (tokens is not None and count > len(tokens)):
            raise ValueError(f"{count} devices, but {len(tokens or ())} tokens.")
        sources = self._sources(options, count)
        lengths_s = [seconds or (one.length or 0) / one.fs for one in sources]
        # Faster than real time, the signal ends now and begins in the past.
        since = timezone.now() - timedelta(seconds=max(lengths_s))
        enrolled = tokens or enrol_simulated_devices(
            count, since=since, doctor=_doctor(options["doctor"])
        )
        specs = line_up(
            enrolled[:count],
            sources,
            packet_s=options["packet_s"],
            speed=speed,
            faults=faults,
            body_format=FORMATS[options["format"]],
        )
        return Fleet(
            options["url"], specs, seed=options["seed"], probe_s=options["probe_s"]
        )

    def _sources(self, options: dict[str, Any], count: int) -> list[SignalSource]:
        if options["records"]:
            return record_sources(
                options["records"],
                count=count,
                fs=options["fs"],
                endless=options["seconds"] is not None,
            )
        scripts = [name.strip() for name in options["scripts"].split(",")]
        return script_sources(scripts, count=count, fs=options["fs"] or 250)

    def _report(self, fleet: Fleet, summary: FleetSummary, *, as_json: bool) -> None:
        total = summary.total
        if as_json:
            self.stdout.write(json.dumps(summary.as_json()))
        else:
            self.stdout.write(
                f"packets: {total.packets_sent} sent, {total.stored} stored, "
                f"{total.repeated} repeated, {total.conflicts} conflicts, "
                f"{total.invalid} invalid, {total.pending} left\n"
                f"samples: {total.samples_recorded} recorded, "
                f"{total.samples_sent} sent, {total.samples_stored} stored\n"
                f"devices: {len(summary.devices)}, {total.reconnects} reconnects, "
                f"{total.new_streams} new streams, {summary.wall_s:.1f} s"
            )
            for one in summary.devices:
                if one.last_error and one.counters.pending:
                    self.stderr.write(f"{one.serial}: {one.last_error}")
        if fleet.refused:
            raise CommandError(
                f"The server does not accept the token of {', '.join(fleet.refused)}: "
                "pair again."
            )
        if not summary.nothing_lost:
            left = total.samples_recorded - total.samples_stored
            raise CommandError(f"{left} recorded samples are not stored.")


def _doctor(email: str | None) -> User | None:
    if email is None:
        return None
    doctor = User.objects.filter(email__iexact=email, role=User.Role.DOCTOR).first()
    if doctor is None:
        raise ValueError(f"No doctor has the address {email}.")
    return doctor


async def _reachable(url: str, token: str = "") -> None:
    """Say at once when nobody answers, instead of trying for ever like a device."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with httpx.AsyncClient(timeout=10.0, trust_env=False) as client:
            address = url.rstrip("/") + "/api/v1/device"
            reply = await client.get(address, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CommandError(
            f"Nothing answers at {url} ({error}): start the server, or give --url."
        ) from error
    if reply.status_code == 404:
        raise CommandError(f"{url} answers, but is no Telecardio server.")
    if token and reply.status_code == 401:
        raise CommandError(f"{url} does not accept the token of the first device.")


async def _run(fleet: Fleet, seconds: float | None, *, progress: bool) -> FleetSummary:
    """Run until the end or Ctrl-C; a second Ctrl-C does not wait for the rest."""
    stop = asyncio.Event()
    run = asyncio.create_task(fleet.run(seconds, stop))

    def interrupt() -> None:
        if stop.is_set():
            run.cancel()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    bar = asyncio.create_task(_show(fleet)) if progress else None
    with contextlib.suppress(asyncio.CancelledError):
        await run
    if bar is not None:
        bar.cancel()
        await asyncio.gather(bar, return_exceptions=True)
    return fleet.summary()


async def _show(fleet: Fleet) -> None:
    """Keep a progress bar of the stored samples up to date."""
    await asyncio.sleep(0.1)
    ends = [device.recorder.total_samples for device in fleet.devices]
    total = None if None in ends else sum(end or 0 for end in ends)
    with tqdm(total=total, unit=" samples", unit_scale=True, leave=False) as bar:
        while True:
            counters = fleet.counters
            bar.n = counters.samples_stored
            bar.set_postfix(
                packets=counters.stored,
                repeated=counters.repeated,
                left=counters.pending,
                refresh=False,
            )
            bar.refresh()
            await asyncio.sleep(0.25)
