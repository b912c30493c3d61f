"""Virtual devices and pages in real time: what they send, when, and what they keep."""

import asyncio
import contextlib
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import numpy as np
import pytest

from bench.ingest.http_servers import fixed_answer
from bench.live.generator import Generator
from bench.live.packet_templates import make_templates, whole_packets
from bench.live.plan import (
    DevicePlan,
    LoadOutcome,
    LoadPlan,
    Templates,
    ViewersOutcome,
)
from bench.live.polling import poll
from bench.live.virtual_device import VirtualDevice
from devices.codec import decode_binary, decode_json
from devices.codec.packet import Packet, Status
from devices.simulator.source import SignalSource

STREAM = "5f0c9a1e77b24d10"
T0 = datetime(2026, 11, 27, 10, 0, 0, 125_000, tzinfo=UTC)
T0_US = round(T0.timestamp() * 1e6)
ADU = np.cumsum(np.random.default_rng(1).integers(-200, 200, 2600)).astype(np.int16)
DECODERS = {"json": decode_json, "binary": decode_binary}


@pytest.mark.parametrize("form", ["json", "binary"])
def test_it_sends_what_the_codec_would_send(form: str) -> None:
    templates = _templates(form)
    # The signal has 20 packets of 0.5 s: packet 19 of this stream wraps around.
    decoded = DECODERS[form](templates.body(STREAM, [0, 17, 19], 2, T0_US))
    assert decoded.stream == STREAM
    for seq, packet in zip((0, 17, 19), decoded.items, strict=True):
        assert isinstance(packet, Packet)
        assert (packet.seq, packet.first_sample) == (seq, seq * 125)
        assert packet.at is not None
        assert (packet.at - T0).total_seconds() == seq * 0.5
        assert packet.mono_ms == 1500 + seq * 500
        first = (2 + seq) % 20 * 125
        assert packet.samples.tolist() == ADU[first : first + 125].tolist()
        assert (packet.fs, packet.leads, packet.gain) == (250, ("I",), 1000.0)
    told = [packet.status for packet in decoded.items if isinstance(packet, Packet)]
    assert told[:2] == [None, None]
    assert told[2] == Status(81, -61, "1.2.0", 0)
    alone = DECODERS[form](templates.body(STREAM, [3], 0, T0_US))
    assert [item.seq for item in alone.items] == [3]


def test_it_has_one_request_under_way_and_then_sends_what_has_queued() -> None:
    device = _device()
    device.record()
    assert device.next_body(0.0)
    assert device.in_flight == [0]
    device.record(2)
    assert not device.next_body(1.0)
    _answer(device, 200)
    assert device.next_body(2.0)
    assert device.in_flight == [1, 2]
    assert list(device.acked)[:1] == [1.5]
    assert math.isnan(device.acked[1])


def test_it_sends_what_is_fresh_before_a_backlog() -> None:
    device = _device()
    device.record(60)
    device.next_body(0.0)
    # 5 s of packets of 0.5 s.
    assert device.in_flight == [*range(50, 60)]
    _answer(device, 200)
    device.next_body(2.0)
    assert device.in_flight == [*range(20)]
    _answer(device, 200)
    device.record()
    device.next_body(3.0)
    assert device.in_flight == [60]


def test_it_waits_when_told_to_and_when_the_server_is_in_trouble() -> None:
    device = _device()
    device.record()
    device.next_body(0.0)
    _answer(device, 429, b"Retry-After: 7\r\n")
    assert device.wait_until == 8.5
    assert not device.next_body(8.0)
    assert device.next_body(9.0)
    _answer(device, 503)
    assert 1.5 <= device.wait_until <= 2.5
    assert device.unsettled
    assert device.next_body(10.0)
    # Its body came too slowly.
    _answer(device, 408)
    assert device.unsettled
    assert device.next_body(20.0)
    _answer(device, 200)
    assert not device.unsettled


def test_it_counts_a_verdict_that_is_no_ack() -> None:
    device, verdicts = _device(), Counter[str]()
    device.record(3)
    device.next_body(0.0)
    said = b'{"packets": [{"seq": 0, "result": "stored"}, {"seq": 1, "result": '
    said += b'"invalid", "error": "overlap"}, {"seq": 2, "result": "duplicate"}]}'
    device.answered(207, b"HTTP/1.1 207 \r\n\r\n" + said, 1.5, verdicts)
    assert [math.isnan(at) for at in device.acked] == [False, True, False]
    assert verdicts == {"invalid": 1}
    assert not device.unsettled


def test_it_keeps_the_schedule_and_every_packet_is_acked_once() -> None:
    outcome = _run(seconds=2.0, devices=4)
    assert [len(acked) for acked in outcome.acked] == [4, 3, 3, 3]
    for begins, acked in zip(outcome.begins, outcome.acked, strict=True):
        for seq, at in enumerate(acked):
            assert 0 <= at - (begins + (seq + 1) * 0.5) < 0.4
    assert len(outcome.reply_ms) == 13
    assert outcome.largest_batch == 1
    assert not outcome.statuses
    assert not outcome.reconnects


def test_it_uploads_a_backlog_in_batches() -> None:
    outcome = _run(seconds=0.6, devices=1, backlog=90)
    assert outcome.largest_batch == 20
    assert not any(math.isnan(at) for at in outcome.acked[0])
    assert outcome.begins[0] < time.monotonic() - 45


def test_it_ends_when_nobody_answers(closed_port: int) -> None:
    plan = LoadPlan(closed_port, _plans(2, 0), _templates("binary"), 0.6, drain_s=0.5)
    began = time.monotonic()
    outcome = Generator(plan, began).run()
    assert time.monotonic() - began < 4
    assert outcome.reconnects
    assert all(math.isnan(at) for acked in outcome.acked for at in acked)
    # Each of the two asked on until the end; no try counts as a fast answer.
    assert outcome.failed_requests >= len(outcome.reply_ms) == 2
    assert min(outcome.reply_ms) > 300


def test_a_request_waits_through_an_answer_of_a_server_in_trouble(
    moody: HTTPServer,
) -> None:
    plan = LoadPlan(
        moody.server_port, _plans(1, 0), _templates("binary"), 0.6, drain_s=5
    )
    outcome = Generator(plan, time.monotonic()).run()
    assert outcome.statuses == {"503": 1}
    assert outcome.failed_requests == len(outcome.reply_ms) == 1
    acked_s = outcome.acked[0][0] - outcome.sent[0]
    assert outcome.reply_ms[0] == pytest.approx(1000 * acked_s, abs=5)
    assert not outcome.verdicts


async def test_a_page_whose_poll_failed_waits_for_the_next(
    closed_port: int, moody: HTTPServer
) -> None:
    for port, failed in ((closed_port, 2), (moody.server_port, 1)):
        outcome = await _polled(port, late_s=0)
        assert outcome.failed_polls == failed
        assert len(outcome.poll_ms) == 2
        slow = [ms for ms in outcome.poll_ms if 5000 <= ms < 5500]
        assert len(slow) == failed


async def test_a_page_whose_polls_are_late_has_waited_for_them(
    moody: HTTPServer,
) -> None:
    outcome = await _polled(moody.server_port, late_s=7)
    # The round of 7 s ago, and the one 5 s after it.
    rounds = [round(ms / 1000) for ms in outcome.poll_ms]
    assert rounds == [7, 7, 2, 2]


@pytest.fixture
def moody() -> Iterator[HTTPServer]:
    """Return a server whose first answer is 503."""
    with HTTPServer(("127.0.0.1", 0), _Moody) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class _Moody(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status = 503

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.status = 200

    do_POST = do_GET

    def log_message(self, *said: object) -> None:
        pass


async def _polled(port: int, *, late_s: float) -> ViewersOutcome:
    """Poll two paths for half a second."""
    outcome = ViewersOutcome()
    due = time.monotonic() - late_s
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await poll(client, ["/a", "/b"], outcome, due=due)
    return outcome


def _run(*, seconds: float, devices: int, backlog: int = 0) -> LoadOutcome:
    with fixed_answer() as server:
        plans = _plans(devices, backlog)
        plan = LoadPlan(server.port, plans, _templates("binary"), seconds, drain_s=5)
        return Generator(plan, time.monotonic() + 0.1).run()


def _plans(devices: int, backlog: int) -> list[DevicePlan]:
    return [
        DevicePlan(f"tcd_{number}", STREAM, number, number * 0.5 / devices, backlog)
        for number in range(devices)
    ]


def _templates(form: str) -> Templates:
    source = SignalSource(whole_packets(ADU, 125), 250, 1000.0, 0, ("I",))
    return make_templates(source, packet_s=0.5, form=form)


def _device() -> VirtualDevice:
    plan = DevicePlan("tcd_x", STREAM, 0, 0.0)
    return VirtualDevice(plan, _templates("binary"), begins=0.0, t0_us=T0_US)


def _answer(device: VirtualDevice, status: int, head: bytes = b"") -> None:
    answer = b"HTTP/1.1 %d \r\n%b\r\n" % (status, head)
    device.answered(status, answer, 1.5, Counter())
