"""Virtual devices against the real device API, over real HTTP."""

import asyncio
import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import connections
from django.utils import timezone

from devices.models import Chunk, Device, Record
from devices.services import assign_device, issue_token, move_device
from devices.simulator.counters import FleetSummary
from devices.simulator.faults import Faults
from devices.simulator.fleet import Fleet, VirtualDeviceSpec
from devices.simulator.scripts import script_source
from devices.simulator.source import SignalSource
from patients.models import Patient
from telecardio.processes import free_port

pytestmark = pytest.mark.slow


SINCE = timedelta(days=1)


def random_source(seed: int, leads: int = 1, fs: int = 250) -> SignalSource:
    """Return samples over the whole range of int16."""
    rng = np.random.default_rng(seed)
    adu = rng.integers(-32768, 32768, (60 * fs, leads), dtype=np.int16)
    names = ("I", "II", "V1")[:leads]
    return SignalSource(adu, fs, 1000.0, 0, names, endless=True)


def enrolled(number: int) -> tuple[Device, str]:
    device = Device.objects.create(serial=f"SIM-{number}")
    patient = Patient.objects.create(
        code=f"S-{number}", first_name="Sim", last_name=str(number)
    )
    assign_device(device=device, patient=patient, start_at=timezone.now() - SINCE)
    return device, issue_token(device=device)


def fleet_of(live_server, *specs, **options) -> Fleet:
    options = {"backoff_s": 0.01, "probe_s": 0.2, "drain_s": 10.0, **options}
    return Fleet(live_server.url, specs, **options)


def run(fleet: Fleet, seconds: float | None = None) -> FleetSummary:
    return asyncio.run(fleet.run(seconds))


def run_and_then(
    fleet: Fleet, seconds: float, when: Callable[[], bool], do: Callable[[], object]
) -> FleetSummary:
    """Run the fleet, and do something once a moment in it has come."""

    def apart() -> None:
        try:
            do()
        finally:
            connections.close_all()

    async def both() -> FleetSummary:
        running = asyncio.create_task(fleet.run(seconds))
        while not running.done() and not when():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.to_thread(apart)
        return await running

    return asyncio.run(both())


def stored_sha256(serial: str) -> str:
    """Digest what the database holds of a device, in the order of time."""
    digest = hashlib.sha256()
    chunks = Chunk.objects.filter(record__device__serial=serial, n__gt=0)
    for data in chunks.order_by("at").values_list("data", flat=True):
        digest.update(bytes(data))
    return digest.hexdigest()


def assert_stored_is_sent(summary: FleetSummary) -> None:
    assert summary.nothing_lost
    assert summary.total.pending == 0
    for one in summary.devices:
        assert stored_sha256(one.serial) == one.sha256
        held = Record.objects.filter(device__serial=one.serial)
        counts = held.values_list("sample_count", flat=True)
        assert sum(counts) == one.counters.samples_recorded


@pytest.mark.django_db(transaction=True)
def test_it_stores_bit_for_bit_what_several_devices_sent(live_server):
    sources = [random_source(1), random_source(2, leads=3), random_source(3, fs=360)]
    sources.append(script_source("vt"))
    specs = [
        VirtualDeviceSpec(f"SIM-{n}", enrolled(n)[1], source, speed=0, packet_s=0.5)
        for n, source in enumerate(sources)
    ]
    summary = run(fleet_of(live_server, *specs), 20)
    assert_stored_is_sent(summary)
    assert summary.total.stored == summary.total.packets_sent == 4 * 40
    assert summary.total.repeated == 0
    assert [len(one.streams) for one in summary.devices] == [1, 1, 1, 1]
    record = Record.objects.get(device__serial="SIM-1")
    assert (record.leads, record.gain, record.baseline) == (["I", "II", "V1"], 1000, 0)
    assert abs(record.end_at - timezone.now()) < timedelta(seconds=15)


@pytest.mark.django_db(transaction=True)
def test_it_replays_in_its_own_time(live_server):
    spec = VirtualDeviceSpec("SIM-1", enrolled(1)[1], script_source("pvc"), speed=10)
    summary = run(fleet_of(live_server, spec), 10)
    assert_stored_is_sent(summary)
    assert 0.9 <= summary.wall_s < 3
    assert summary.total.requests >= 5


@pytest.mark.django_db(transaction=True)
def test_it_repeats_packets_whose_acks_were_lost_and_doubles_nothing(live_server):
    spec = VirtualDeviceSpec(
        "SIM-1",
        enrolled(1)[1],
        random_source(1),
        speed=20,
        faults=Faults(lost_acks=0.5),
    )
    summary = run(fleet_of(live_server, spec), 30)
    assert_stored_is_sent(summary)
    assert summary.total.lost_acks > 0
    assert summary.total.repeated > 0
    assert summary.total.packets_sent > summary.total.stored == 30
    assert Chunk.objects.count() == 30


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_at_another_address_when_one_does_not_answer(live_server):
    device, token = enrolled(1)
    spec = VirtualDeviceSpec(device.serial, token, random_source(3), speed=0)
    nobody = f"http://127.0.0.1:{free_port()}"
    fleet = Fleet([nobody, live_server.url], [spec], backoff_s=0.01, seed=1)
    done = run(fleet, seconds=40)
    assert done.nothing_lost
    assert done.total.reconnects > 0
    assert stored_sha256(device.serial) == done.devices[0].sha256


def test_it_uploads_in_any_order(live_server):
    spec = VirtualDeviceSpec(
        "SIM-1", enrolled(1)[1], random_source(1), speed=0, faults=Faults(shuffle=True)
    )
    summary = run(fleet_of(live_server, spec), 40)
    assert_stored_is_sent(summary)
    arrived = Chunk.objects.order_by("pk").values_list("seq", flat=True)
    assert sorted(arrived) == list(range(40)) != list(arrived)


@pytest.mark.django_db(transaction=True)
def test_it_fills_an_outage_in_afterwards_fresh_packets_first(live_server):
    spec = VirtualDeviceSpec(
        "SIM-1",
        enrolled(1)[1],
        random_source(1),
        speed=20,
        faults=Faults(outages=((5, 20),)),
    )
    summary = run(fleet_of(live_server, spec, live_s=0.15), 30)
    assert_stored_is_sent(summary)
    arrived = list(Chunk.objects.order_by("pk").values_list("seq", flat=True))
    assert arrived != sorted(arrived)


@pytest.mark.django_db(transaction=True)
def test_it_keeps_samples_with_who_wore_the_device_then(live_server, other_patient):
    """The device is moved during an outage, so the whole backlog comes afterwards."""
    device, token = enrolled(1)
    start_at = timezone.now() - timedelta(seconds=60)
    moved_at = start_at + timedelta(seconds=19.5)
    before = device.assignments.get().patient
    spec = VirtualDeviceSpec(
        "SIM-1",
        token,
        random_source(1),
        speed=20,
        # Until the recording ends: the move has seconds of time.
        faults=Faults(outages=((10, 60),)),
        start_at=start_at,
    )
    fleet = fleet_of(live_server, spec, live_s=0.15)

    summary = run_and_then(
        fleet,
        60,
        lambda: bool(fleet.devices) and fleet.devices[0].offline,
        lambda: move_device(device=device, to_patient=other_patient, at=moved_at),
    )
    assert_stored_is_sent(summary)
    assert summary.total.new_streams == 2
    for chunk in Chunk.objects.select_related("record"):
        worn_by = before if chunk.at < moved_at else other_patient
        assert chunk.record.patient == worn_by, chunk.at
    records = Record.objects.filter(patient=other_patient).order_by("started_at")
    assert sum(record.sample_count for record in records) == 40 * 250


@pytest.mark.django_db(transaction=True)
def test_it_waits_for_a_patient_and_loses_nothing(live_server, patient):
    device = Device.objects.create(serial="SIM-1")
    spec = VirtualDeviceSpec(
        "SIM-1", issue_token(device=device), random_source(1), speed=10
    )
    fleet = fleet_of(live_server, spec, probe_s=0.1)

    summary = run_and_then(
        fleet,
        10,
        lambda: bool(fleet.devices) and fleet.devices[0].state == "no patient",
        lambda: assign_device(
            device=device, patient=patient, start_at=timezone.now() - SINCE
        ),
    )
    assert_stored_is_sent(summary)


@pytest.mark.django_db(transaction=True)
def test_it_says_that_a_token_is_not_accepted(live_server):
    spec = VirtualDeviceSpec("SIM-1", "tcd_" + "x" * 43, random_source(1), speed=0)
    fleet = fleet_of(live_server, spec, probe_s=60)
    summary = run(fleet, 5)
    assert fleet.refused == ["SIM-1"]
    assert summary.total.pending == 5
    assert not summary.nothing_lost
    assert not Chunk.objects.exists()


def test_it_keeps_everything_while_nobody_answers():
    spec = VirtualDeviceSpec("SIM-1", "token", random_source(1), speed=0)
    fleet = Fleet("http://127.0.0.1:9", [spec], backoff_s=0.01, drain_s=0.2)
    summary = run(fleet, 5)
    assert summary.total.pending == 5
    assert summary.total.requests > 1
    assert summary.devices[0].last_error


@pytest.mark.django_db(transaction=True)
def test_it_stops_when_told_in_another_thread(live_server):
    spec = VirtualDeviceSpec(
        "SIM-1", enrolled(1)[1], script_source("sinus"), packet_s=0.2
    )
    stop = threading.Event()
    fleet = fleet_of(live_server, spec)
    stopper = threading.Thread(target=stop_after_two_packets, args=(fleet, stop))
    stopper.start()
    summary = asyncio.run(fleet.run(None, stop))
    stopper.join()
    assert summary.total.stored >= 2
    assert summary.wall_s < 10
    assert_stored_is_sent(summary)
    at = Chunk.objects.earliest("at").at
    assert abs(at - datetime.now(UTC)) < timedelta(seconds=10)


def stop_after_two_packets(fleet: Fleet, stop: threading.Event) -> None:
    while fleet.counters.stored < 2:
        stop.wait(0.02)
    stop.set()


def test_it_does_not_run_into_the_future():
    spec = VirtualDeviceSpec("SIM-1", "token", script_source("sinus"), speed=10)
    with pytest.raises(ValueError, match="how many seconds"):
        run(Fleet("http://127.0.0.1:9", [spec]))
