"""``store_packets``: any order, any number of times, every sample as it was sent."""

import json
import random
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devices.codec import decode_json
from devices.models import Chunk, Device, Record
from devices.reading import read_adu
from devices.services import store_packets
from devices.services.neighbours import Neighbours
from devices.services.storing import _store_locked
from tests.devices.conftest import FS, packet, results, timed


def stored_bytes() -> bytes:
    """Return the samples of all chunks in the order of their samples."""
    chunks = Chunk.objects.order_by("record", "first_sample")
    return b"".join(bytes(data) for data in chunks.values_list("data", flat=True))


def test_it_stores_the_samples_bit_for_bit(upload, assignment):
    rng = random.Random(4)
    edges = [-32768, 32767, 0, -1, 1]
    sent = [edges + [rng.randint(-32768, 32767) for _ in range(FS - 5)] for _ in "12"]
    upload(*[packet(seq, samples=samples) for seq, samples in enumerate(sent)])
    adu, stored = read_adu(Record.objects.get(), 0, 2 * FS)
    assert stored.all()
    assert adu[:, 0].tolist() == sent[0] + sent[1]


@pytest.mark.parametrize("seed", range(2))
def test_it_stores_the_same_whatever_the_order(upload, assignment, hour_ago, seed):
    packets = [timed(seq, hour_ago) for seq in range(40)]
    rng = random.Random(seed)
    shuffled = rng.sample(packets, 40) + rng.sample(packets, 20)
    while shuffled:
        size = rng.randint(1, 7)
        batch, shuffled = shuffled[:size], shuffled[size:]
        assert upload(*batch).status_code == 200
    record = Record.objects.get()
    assert (record.next_seq, record.gaps) == (40, [])
    assert record.sample_count == record.end_sample == 40 * FS
    assert record.started_at == hour_ago
    assert [anchor.at - hour_ago for anchor in record.anchors.all()] == [
        timedelta(seconds=record.anchors.get().sample / FS)
    ]
    expected = [sample for one in packets for sample in one["samples"]]
    adu, stored = read_adu(record, 0, 40 * FS)
    assert stored.all()
    assert adu[:, 0].tolist() == expected


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (packet(1, first_sample=249), "overlap"),
        (packet(1, first_sample=251), "overlap"),
        (packet(1, first_sample=0), "overlap"),
        (packet(9, first_sample=100), "overlap"),
        (packet(9, first_sample=2300), "overlap"),
        (packet(1, first_sample=4000), "order"),
        (packet(11, first_sample=250), "order"),
        (packet(0, first_sample=10_000), "conflict"),
    ],
)
def test_it_refuses_what_does_not_fit_its_neighbours(upload, assignment, wrong, error):
    upload(packet(0), packet(2), packet(10))
    told = upload(packet(20), wrong).json()["packets"][1]
    if error == "conflict":
        assert told["result"] == "conflict"
    else:
        assert (told["result"], told["error"]) == ("invalid", error)
    assert Chunk.objects.count() == 4


def test_a_heartbeat_makes_no_overlap_of_a_wrong_order(upload, assignment):
    upload(packet(0), packet(10))
    heartbeat = packet(5, samples=[], first_sample=600)
    told = upload(heartbeat, packet(20, first_sample=500)).json()["packets"]
    assert (told[0]["result"], told[1]["error"]) == ("stored", "order")


def test_many_packets_out_of_order_are_refused_at_once():
    body = {"packets": [packet(seq, samples=[0] * 25) for seq in range(1000)]}
    known = decode_json(json.dumps(body).encode())
    neighbours = Neighbours()
    for number in range(20):
        for one in known.packets:
            seq = number * 1000 + one.seq
            neighbours.add(replace(one, seq=seq, first_sample=seq * FS))
    began_s = time.process_time()
    for one in known.packets:
        wrong = replace(one, seq=30_000 + one.seq, first_sample=one.seq * FS + 100)
        assert neighbours.judge(wrong).error == "order"
    # To compare each with all that are known took seconds.
    assert time.process_time() - began_s < 1


def test_it_finds_an_overlap_within_one_upload(upload, assignment):
    response = upload(packet(0), packet(1, first_sample=100), packet(1), packet(2))
    assert results(response) == ["stored", "invalid", "stored", "stored"]


def test_it_lets_no_heartbeat_stand_in_the_way(upload, assignment):
    upload(packet(0), packet(1, samples=[], first_sample=9000))
    assert upload(packet(2, first_sample=250)).status_code == 200


def test_it_knows_the_lowest_sample_that_came_late(upload, assignment):
    upload(packet(0), packet(1))
    record = Record.objects.get()
    assert record.late_from_sample is None
    upload(packet(9), packet(7), packet(5))
    record.refresh_from_db()
    assert record.late_from_sample is None
    upload(packet(6))
    upload(packet(3))
    upload(packet(4))
    record.refresh_from_db()
    assert record.late_from_sample == 3 * FS
    assert record.sample_count == 8 * FS
    assert record.end_sample == 10 * FS


def test_it_keeps_two_streams_of_a_device_apart(upload, assignment):
    upload(packet(0))
    upload(packet(0, stream="0" * 16))
    assert Record.objects.count() == 2


def test_it_keeps_the_keys_of_two_devices_apart(device, assignment, other_patient):
    other = Device.objects.create(serial="TC-0002")
    other.assignments.create(patient=other_patient, start_at=assignment.start_at)
    (one,) = decode_json(json.dumps(packet(0)).encode()).packets
    for who in (device, other):
        store_packets(device=who, packets=[one], received_at=timezone.now())
    assert Record.objects.count() == Chunk.objects.count() == 2


def test_it_wants_one_stream_at_a_time(device, assignment):
    packets = [
        decode_json(json.dumps(packet(0, stream=name * 16)).encode()).packets[0]
        for name in "ab"
    ]
    with pytest.raises(ValueError, match="one stream"):
        store_packets(device=device, packets=packets, received_at=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_it_stores_once_what_is_uploaded_twice_at_the_same_moment(device, assignment):
    body = json.dumps({"packets": [packet(seq) for seq in range(20)]}).encode()
    packets = decode_json(body).packets
    said: list[str] = []
    start = threading.Barrier(4)

    def run() -> None:
        try:
            start.wait()
            done = store_packets(
                device=device, packets=packets, received_at=timezone.now()
            )
            said.extend(verdict.result for verdict in done.verdicts)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["duplicate"] * 60 + ["stored"] * 20
    assert Chunk.objects.count() == 20
    assert Record.objects.get().sample_count == 20 * FS
    assert len(stored_bytes()) == 20 * FS * 2


def test_it_looks_at_no_neighbours_of_a_heartbeat(upload, assignment):
    upload(packet(0), *[packet(seq, samples=[]) for seq in range(1, 5)])
    again = [packet(seq, samples=[]) for seq in range(3, 7)]
    with CaptureQueriesContext(connection) as queries:
        told = results(upload(*again))
    assert told == ["duplicate", "duplicate", "stored", "stored"]
    lateral = [q["sql"] for q in queries if "LATERAL" in q["sql"]]
    (looked,) = [sql for sql in lateral if "devices_chunk" in sql]
    with connection.cursor() as cursor:
        cursor.execute(looked)
        # Themselves, and not the signal before them.
        assert {row[0] for row in cursor.fetchall()} == {3, 4, 5, 6}


def test_it_stores_the_same_with_and_without_a_lock(device, assignment, hour_ago):
    """What just grows is written by one statement; all else in one transaction."""
    parts = [
        [timed(0, hour_ago)],
        [timed(1, hour_ago, flags=["lead_off", "clip"], marker=True, lost_before=3)],
        [packet(2, mono_ms=5000), packet(3, samples=[], status={"rssi_dbm": -61})],
        [timed(9, hour_ago, status={"battery_percent": 80, "firmware": "1.2"})],
        [timed(seq, hour_ago) for seq in range(4, 8)],
    ]
    rows = []
    for stream, store in (("a" * 16, store_packets), ("b" * 16, _store_locked)):
        Device.objects.update(rssi_dbm=None, battery_percent=None, firmware="")
        for part in parts:
            packets = decode(*({**one, "stream": stream} for one in part))
            store(
                device=device,
                packets=packets,
                received_at=hour_ago + timedelta(hours=1),
            )
        record = Record.objects.get(stream=stream)
        chunks = list(record.chunks.order_by("seq"))
        rows.append(
            [
                *(_rest_of(chunk) for chunk in chunks),
                _rest_of(record),
                _rest_of(Device.objects.get()),
            ]
        )
    assert rows[0] == rows[1]
    assert len(rows[0]) == 9 + 2


def decode(*packets):
    return decode_json(json.dumps({"packets": packets}).encode()).packets


def _rest_of(row):
    apart = {"id", "record_id", "stream", "created_at"}
    names = {field.attname for field in row._meta.concrete_fields} - apart
    return {name: getattr(row, name) for name in names}
