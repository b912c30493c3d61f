"""Uploads and changes of an assignment take turns, however closely they meet."""

import json
import threading
import time

import pytest
from django.db import connection, transaction
from django.utils import timezone

from devices.codec import decode_json
from devices.models import Chunk, Device, Record
from devices.services import end_assignment, move_device, store_packets
from devices.services.finding import find
from devices.services.growing import grow
from devices.services.judging import Upload
from tests.devices.conftest import STREAM, packet, timed

pytestmark = pytest.mark.django_db(transaction=True)


def decoded(*packets):
    """Return packets as the service takes them."""
    return decode_json(json.dumps({"packets": packets}).encode()).packets


def in_thread(run) -> threading.Thread:
    """Run in a thread with a database connection of its own."""

    def whole() -> None:
        try:
            run()
        finally:
            connection.close()

    thread = threading.Thread(target=whole)
    thread.start()
    return thread


def test_it_ends_an_assignment_after_what_is_being_stored(device, assignment):
    locked = threading.Event()

    def store() -> None:
        with transaction.atomic():
            Device.objects.select_for_update().get(pk=device.pk)
            locked.set()
            time.sleep(0.3)
            now = timezone.now()
            packets = decoded(packet(0, at=now.isoformat()))
            store_packets(device=device, packets=packets, received_at=now)

    storing = in_thread(store)
    locked.wait()
    end_assignment(assignment=assignment)
    storing.join()
    assignment.refresh_from_db()
    assert Chunk.objects.get().at < assignment.end_at


def test_it_gives_every_packet_to_one_patient_while_the_device_moves(
    device, assignment, other_patient
):
    """Three threads upload each of two streams, while the device is moved."""
    half = threading.Barrier(7)

    def run(stream: str, part: int) -> None:
        for seq in range(part, 30, 3):
            if seq // 3 == 5:
                half.wait()
            now = timezone.now()
            packets = decoded(packet(seq, stream=stream, at=now.isoformat()))
            store_packets(device=device, packets=packets, received_at=now)

    threads = [
        in_thread(lambda stream=stream, part=part: run(stream * 16, part))
        for stream in "ab"
        for part in range(3)
    ]
    half.wait()
    moved = move_device(device=device, to_patient=other_patient)
    for thread in threads:
        thread.join()
    for record in Record.objects.all():
        assert record.assignment == assignment
        times = record.chunks.values_list("at", flat=True)
        assert len(times) >= 15
        assert max(times) < moved.start_at


def test_it_stores_once_what_arrives_twice_in_part(device, assignment, hour_ago):
    """Overlapping batches of one stream at the same moment lose and double nothing."""
    start = threading.Barrier(3)

    def run(first: int) -> None:
        packets = decoded(*[timed(seq, hour_ago) for seq in range(first, first + 20)])
        start.wait()
        store_packets(device=device, packets=packets, received_at=timezone.now())

    for thread in [in_thread(lambda first=first: run(first)) for first in (0, 10, 20)]:
        thread.join()
    seqs = Chunk.objects.order_by("seq").values_list("seq", flat=True)
    assert list(seqs) == list(range(40))
    record = Record.objects.get()
    assert (record.next_seq, record.gaps, record.end_sample) == (40, [], 40 * 250)


def test_it_looks_again_when_what_it_found_has_changed(device, assignment, hour_ago):
    """Between looking and writing another upload came, the device was moved, ..."""

    def move() -> None:
        end_assignment(assignment=assignment)

    def store() -> None:
        packets = decoded(timed(1, hour_ago))
        store_packets(device=device, packets=packets, received_at=timezone.now())

    def be_analysed() -> None:
        Record.objects.update(late_from_sample=None)

    first, later = decoded(timed(0, hour_ago)), decoded(timed(2, hour_ago))
    store_packets(device=device, packets=first, received_at=timezone.now())
    for change in (store, be_analysed, move):
        now = timezone.now()
        upload = Upload(find(device, STREAM, token=None, now=now), later, now)
        change()
        assert grow([upload], [None]) == [None]
        assert not Chunk.objects.filter(seq=2).exists()
    upload = Upload(find(device, STREAM, token=None, now=now), later, now)
    assert grow([upload], [None]) != [None]
    assert Chunk.objects.filter(seq=2).count() == 1
