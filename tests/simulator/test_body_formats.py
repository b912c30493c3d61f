"""The same signal as JSON and as binary packets, over real HTTP."""

from datetime import timedelta

import pytest
from django.utils import timezone

from devices.codec import decode_binary, decode_json
from devices.models import Anchor, Chunk, Device, Record
from devices.simulator.body_format import BINARY, FORMATS, JSON
from devices.simulator.device import VirtualDevice
from devices.simulator.faults import Faults
from devices.simulator.fleet import VirtualDeviceSpec
from devices.simulator.scripts import script_source
from devices.simulator.source import SignalSource
from devices.simulator.wfdb_source import wfdb_source
from tests.simulator.test_fleet import (
    assert_stored_is_sent,
    enrolled,
    fleet_of,
    random_source,
    run,
)
from tests.simulator.test_simulate_command import simulate

STORED = [
    "seq",
    "first_sample",
    "n",
    "crc",
    "data",
    "at",
    "mono_ms",
    "flags",
    "lost_before",
    "marker",
]


def stored(serial: str) -> list[tuple]:
    """Return all that the database holds of a device's packets."""
    chunks = Chunk.objects.filter(record__device__serial=serial).order_by("seq")
    return [
        tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
        for row in chunks.values_list(*STORED)
    ]


def upload_in_both(live_server, source: SignalSource, faults: Faults) -> None:
    """Upload one signal by two devices, and compare what is stored of them."""
    start_at = timezone.now() - timedelta(seconds=60, microseconds=567)
    specs = [
        VirtualDeviceSpec(
            f"SIM-{number}",
            enrolled(number)[1],
            source,
            packet_s=1.7,
            speed=0,
            faults=faults,
            start_at=start_at,
            body_format=body_format,
        )
        for number, body_format in enumerate((JSON, BINARY))
    ]
    summary = run(fleet_of(live_server, *specs), 30)
    assert_stored_is_sent(summary)
    as_json, as_binary = stored("SIM-0"), stored("SIM-1")
    assert len(as_json) == 18
    assert as_json == as_binary
    one, other = Record.objects.order_by("device__serial")
    for name in ("fs", "leads", "gain", "baseline", "started_at", "end_sample"):
        assert getattr(one, name) == getattr(other, name)
    anchors = [
        list(Anchor.objects.filter(record=record).values_list("sample", "at"))
        for record in (one, other)
    ]
    assert anchors[0] == anchors[1]
    said = Device.objects.values_list("battery_percent", "firmware")
    assert set(said) == {(97, "sim-1")}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "source",
    [
        pytest.param(random_source(1), id="random"),
        pytest.param(random_source(2, leads=3, fs=360), id="three leads"),
        # These raise flags.
        pytest.param(script_source("lead_off"), id="lead_off"),
        pytest.param(script_source("noise", fs=500), id="noise"),
    ],
)
def test_it_stores_the_same_from_both(live_server, source):
    upload_in_both(live_server, source, Faults())


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_it_stores_the_same_of_a_real_record(live_server, ecg_data):
    source = wfdb_source(ecg_data / "mitdb" / "208")
    upload_in_both(live_server, source, Faults())


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_it_stores_the_same_when_acks_are_lost(live_server):
    upload_in_both(live_server, script_source("vt"), Faults(lost_acks=0.4))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_it_takes_the_format_as_an_option(live_server):
    for name in FORMATS:
        said = simulate(
            *("--url", live_server.url, "--devices", "2", "--seconds", "5"),
            *("--speed", "0", "--format", name),
        )
        assert "packets: 10 sent, 10 stored, 0 repeated" in said


@pytest.mark.parametrize("seconds", [0.1, 30.0])
@pytest.mark.parametrize("leads", [1, 12])
def test_no_body_is_longer_than_the_format_says(seconds, leads):
    """Else a batch would be refused as too large."""
    names = tuple(f"V{number:07}" for number in range(leads))
    source = random_source(5, leads=1, fs=1000)
    wide = SignalSource(source.adu.repeat(leads, axis=1), 1000, 1.5, -7, names)
    for body_format, decode in ((JSON, decode_json), (BINARY, decode_binary)):
        device = VirtualDevice(
            serial="SIM-1",
            source=wide,
            start_at=timezone.now(),
            packet_s=seconds,
            total_s=30.0,
            body_format=body_format,
        )
        device.record(30.0)
        request = device.next_request(0.0)
        most = body_format.packet_bytes(device.recorder.packet_samples * leads)
        assert len(request.body) <= most * len(request.packets)
        assert len(decode(request.body).packets) == len(request.packets)
