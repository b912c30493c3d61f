"""With Redis away or its stream lost, traces come from PostgreSQL."""

from datetime import timedelta

import numpy as np
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from devices.models import Chunk, Device, Record
from inference.models import BeatBlock
from telecardio.live.reader import process_reader
from tests.live.receiving import watching

FS = 250


@pytest.fixture
def record(people, device: Device) -> Record:
    now = timezone.now()
    return Record.objects.create(
        device=device,
        stream="5f0c9a1e77b24d10",
        patient=people.patient,
        fs=FS,
        leads=["I"],
        gain=200,
        baseline=1024,
        started_at=now - timedelta(seconds=4),
        last_received_at=now,
    )


def store_second(record: Record, seq: int, *, late_s: int = 0) -> None:
    """Store one second of a counting signal, as an upload does."""
    samples = np.arange(seq * FS, (seq + 1) * FS, dtype="<i2")
    at = record.time_of((seq + 1) * FS)
    Chunk.objects.create(
        record=record,
        seq=seq,
        first_sample=seq * FS,
        n=FS,
        crc=0,
        data=samples.tobytes(),
        received_at=at + timedelta(seconds=late_s),
    )
    record.end_sample = (seq + 1) * FS
    record.last_received_at = max(record.last_received_at, at)
    record.save()


async def test_it_fills_from_the_database_what_the_stream_does_not_hold(
    people, sockets, record
):
    for seq in range(3):
        await sync_to_async(store_second)(record, seq)
    await sync_to_async(label)(record, [300, 600])
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    await received.until(lambda r: len(r.frames) == 4)
    assert received.samples == list(range(750))
    assert {frame.received_at_ms for frame in received.frames} == {0}
    beats = next(frame for frame in received.frames if frame.kind == 2)
    assert beats.n == 2
    assert np.frombuffer(beats.body[8:24], "<i8").tolist() == [300, 600]
    assert list(beats.body[40:44]) == [2, 2, 230, 230]
    await alice.disconnect()


def label(record: Record, samples: list[int]) -> None:
    """Store two ventricular beats of probability 0.9."""
    n = len(samples)
    chances = np.tile(np.array([0.1, 0, 0.9, 0, 0], "<f4"), (n, 1))
    BeatBlock.objects.create(
        record=record,
        annotator="tc-1",
        start_sample=0,
        end_sample=750,
        first_beat_sample=samples[0],
        last_beat_sample=samples[-1],
        count=n,
        samples=np.array(samples, "<i8").tobytes(),
        classes=np.full(n, 2, "u1").tobytes(),
        probabilities=chances.tobytes(),
        rr_ms=np.full(n, 1200, "<f4").tobytes(),
        quality=b"",
        created_at=timezone.now(),
    )


async def test_it_never_draws_a_backlog_as_live(people, sockets, record):
    await sync_to_async(store_second)(record, 0, late_s=40)
    record.last_received_at = timezone.now()
    await record.asave()
    alice = await sync_to_async(sockets)(people.alice)
    await watching(alice, [people.patient])
    assert await alice.receive_nothing(0.3)
    await alice.disconnect()


async def test_it_keeps_traces_moving_while_redis_is_away(
    people, sockets, record, monkeypatch, unused_tcp_port
):
    # A port without a server stands for a Redis that was stopped.
    url = f"redis://127.0.0.1:{unused_tcp_port}/0"
    with monkeypatch.context() as away:
        away.setattr("django.conf.settings.REDIS_URL", url)
        reader = process_reader()
    monkeypatch.setattr("telecardio.live.reader.POLL_S", 0.1)
    await sync_to_async(store_second)(record, 0)
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    await received.until(lambda r: r.samples and r.last("source")["source"] != "stream")
    assert reader.away
    for seq in (1, 2, 3):
        await sync_to_async(store_second)(record, seq)
        await received.until(lambda r, end=(seq + 1) * FS: end - 1 in r.samples)
    assert sorted(set(received.samples)) == list(range(1000))
    await alice.disconnect()
