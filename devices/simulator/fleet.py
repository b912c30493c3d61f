"""Many virtual devices that upload over HTTP at the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Protocol

import httpx

from devices.simulator.body_format import JSON, BodyFormat
from devices.simulator.counters import Counters, FleetSummary
from devices.simulator.device import (
    BATCH_PACKETS,
    PAIR_AGAIN,
    Reply,
    Request,
    VirtualDevice,
)
from devices.simulator.faults import Faults
from devices.simulator.source import SignalSource

TIMEOUT_S = 10.0
LIVE_S = 5.0
STOP_DRAIN_S = 5.0


class StopEvent(Protocol):
    """An ``asyncio.Event`` or a ``threading.Event``."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True)
class VirtualDeviceSpec:
    """One device of a fleet.

    ``speed`` is signal seconds per second; 1 is real time, 0 as fast as the server
    takes it. ``start_at`` is the time of the first sample; left out, it is now, and
    for faster devices so early that the signal ends now.
    """

    serial: str
    token: str = field(repr=False)
    source: SignalSource
    packet_s: float = 1.0
    speed: float = 1.0
    faults: Faults = field(default_factory=Faults)
    start_at: datetime | None = None
    body_format: BodyFormat = JSON


class Fleet:
    """Run virtual devices against the server at ``url``.

    Of several addresses each request goes to one, as a balancer would send it.

    After the recording has ended, or was stopped, devices go on sending what is
    left for at most ``drain_s``. After an outage the newest ``live_s`` seconds go
    first, then the backlog. ``probe_s`` is how long a device without a patient
    or a valid token waits (a real one: an hour).
    """

    def __init__(
        self,
        url: str | Sequence[str],
        specs: Sequence[VirtualDeviceSpec],
        *,
        seed: int = 0,
        probe_s: float = 60.0,
        backoff_s: float = 1.0,
        drain_s: float = 60.0,
        live_s: float = LIVE_S,
    ) -> None:
        urls = [url] if isinstance(url, str) else url
        self.urls = [one.rstrip("/") + "/api/v1/packets" for one in urls]
        self.specs = list(specs)
        self.seed = seed
        self.probe_s = probe_s
        self.backoff_s = backoff_s
        self.drain_s = drain_s
        self.live_s = live_s
        self.devices: list[VirtualDevice] = []
        self._rng = Random(seed)
        self._started = time.monotonic()
        self._stopped = asyncio.Event()

    @property
    def counters(self) -> Counters:
        """Counts of all devices together, at any time."""
        return Counters.total(device.counters for device in self.devices)

    @property
    def refused(self) -> list[str]:
        """Serials of the devices whose token the server does not accept now."""
        return [one.serial for one in self.devices if one.state == PAIR_AGAIN]

    def summary(self) -> FleetSummary:
        """Say how it went so far."""
        return FleetSummary(
            wall_s=time.monotonic() - self._started,
            total=self.counters,
            devices=[device.summary() for device in self.devices],
        )

    async def run(
        self, seconds: float | None = None, stop_event: StopEvent | None = None
    ) -> FleetSummary:
        """Record ``seconds`` of signal on every device and upload all of it.

        Without ``seconds`` a device goes on to the end of its signal, or until
        ``stop_event`` is set (in any thread).
        """
        self._started, self._stopped = time.monotonic(), asyncio.Event()
        now = datetime.now(UTC)
        self.devices = [self._device(spec, seconds, now) for spec in self.specs]
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        # A device knows of no proxy.
        async with httpx.AsyncClient(
            limits=limits, timeout=TIMEOUT_S, trust_env=False
        ) as client:
            watcher = asyncio.create_task(self._watch(stop_event))
            try:
                async with asyncio.TaskGroup() as group:
                    for device, spec in zip(self.devices, self.specs, strict=True):
                        group.create_task(self._drive(client, device, spec))
            finally:
                watcher.cancel()
        return self.summary()

    def _device(
        self, spec: VirtualDeviceSpec, seconds: float | None, now: datetime
    ) -> VirtualDevice:
        start_at = spec.start_at or now
        if spec.start_at is None and (spec.speed > 1 or spec.speed == 0):
            length = spec.source.length
            ends_s = [] if length is None else [length / spec.source.fs]
            ends_s += [] if seconds is None else [seconds]
            if not ends_s:
                raise ValueError(
                    "An endless signal that is faster than real time would run into "
                    "the future: say how many seconds of it."
                )
            start_at = now - timedelta(seconds=min(ends_s))
        return VirtualDevice(
            serial=spec.serial,
            source=spec.source,
            start_at=start_at,
            packet_s=spec.packet_s,
            total_s=seconds,
            faults=spec.faults,
            live_s=self.live_s * spec.speed,
            backoff_s=self.backoff_s,
            probe_s=self.probe_s,
            seed=self.seed,
            body_format=spec.body_format,
        )

    async def _watch(self, stop_event: StopEvent | None) -> None:
        # The event may be set in another thread, which wakes no coroutine.
        while stop_event is not None and not stop_event.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        if stop_event is not None:
            self._stopped.set()

    async def _drive(
        self, client: httpx.AsyncClient, device: VirtualDevice, spec: VirtualDeviceSpec
    ) -> None:
        """Let one device record and send until it has finished."""
        started = time.monotonic()
        if spec.speed:
            # Real devices do not upload in step.
            phase_s = self._rng.random() * spec.packet_s / spec.speed
            if spec.speed <= 1 and spec.start_at is None:
                device.recorder.start_at += timedelta(seconds=phase_s)
            started += phase_s
        deadline = None
        while not device.finished:
            now = time.monotonic()
            if self._stopped.is_set() and not device.recorder.done:
                device.recorder.stop()
            if spec.speed:
                device.record((now - started) * spec.speed)
            elif device.offline or device.backlog.waiting < BATCH_PACKETS:
                ahead_s = BATCH_PACKETS * spec.packet_s
                device.record(device.recorder.signal_s + ahead_s)
            if deadline is None and device.recorder.done:
                deadline = now + self._drain_s()
            if deadline is not None and now >= deadline:
                return
            request = device.next_request(now)
            if request is not None:
                await self._send(client, device, spec, request)
                continue
            wait_s = device.wait_s(now)
            if deadline is not None and now + wait_s >= deadline:
                return
            if not wait_s and spec.speed:
                wait_s = started + device.recorder.next_s / spec.speed - now
            await self._sleep(max(wait_s, 0.001 if spec.speed else 0.0))

    def _drain_s(self) -> float:
        stopped = self._stopped.is_set()
        return min(self.drain_s, STOP_DRAIN_S) if stopped else self.drain_s

    async def _sleep(self, seconds: float) -> None:
        """Wait; a stop ends the wait once, so that nobody sleeps through it."""
        if self._stopped.is_set():
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            pass

    async def _send(
        self,
        client: httpx.AsyncClient,
        device: VirtualDevice,
        spec: VirtualDeviceSpec,
        request: Request,
    ) -> None:
        headers = {
            "Authorization": f"Bearer {spec.token}",
            "Content-Type": spec.body_format.media_type,
        }
        try:
            url = self._rng.choice(self.urls)
            response = await client.post(url, content=request.body, headers=headers)
        except httpx.HTTPError as error:
            name = type(error).__name__
            device.failed(request, f"{error or name}", time.monotonic())
            return
        now = time.monotonic()
        if response.is_success and self._rng.random() < spec.faults.lost_acks:
            device.counters.lost_acks += 1
            device.failed(request, "the reply was lost", now)
            return
        device.answered(request, _reply(response), now)


def _reply(response: httpx.Response) -> Reply:
    try:
        body: Any = response.json()
    except ValueError:
        body = {}
    after = response.headers.get("Retry-After", "")
    return Reply(
        status=response.status_code,
        body=body if isinstance(body, dict) else {},
        retry_after_s=float(after) if after.replace(".", "", 1).isdigit() else None,
    )
