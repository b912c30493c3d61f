"""Samples reach the socket, once each, in order, without a hole."""

import time

from asgiref.sync import sync_to_async

from telecardio.live.consumer import LiveConsumer
from tests.live.receiving import watching


async def test_it_pushes_the_samples_as_they_were_written(people, sockets, writer):
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    before = time.time() * 1000
    for _ in range(5):
        writer.packet()
    await received.until(lambda r: len(r.samples) >= 250)
    assert received.samples == list(range(250))
    frame = received.frames[-1]
    assert frame.patient == people.patient.pk
    assert frame.first_sample == 200
    assert frame.received_at_ms >= before - 1
    await alice.disconnect()


async def test_it_fills_a_fresh_page_from_the_stream(people, sockets, writer):
    for _ in range(20):
        writer.packet()
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    await received.until(lambda r: len(r.samples) >= 1000)
    writer.packet()
    await received.until(lambda r: len(r.samples) >= 1050)
    assert received.samples == list(range(1050))
    await alice.disconnect()


async def test_it_resumes_by_id_without_a_hole(people, sockets, writer):
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    for _ in range(3):
        writer.packet()
    await received.until(lambda r: len(r.samples) >= 150)
    last = received.frames[-1].stream_id
    await alice.disconnect()
    for _ in range(4):
        writer.packet()
    alice = await sync_to_async(sockets)(people.alice)
    resumed = await watching(
        alice, [people.patient], since={str(people.patient.pk): last}
    )
    writer.packet()
    await resumed.until(lambda r: r.samples and r.samples[-1] == 399)
    assert received.samples + resumed.samples == list(range(400))
    await alice.disconnect()


async def test_it_serves_two_viewers_from_one_reader(people, sockets, writer):
    alice = await sync_to_async(sockets)(people.alice)
    bob = await sync_to_async(sockets)(people.bob)
    first = await watching(alice, [people.patient])
    for _ in range(10):
        writer.packet()
    second = await watching(bob, [people.patient])
    for _ in range(10):
        writer.packet()
    for received in (first, second):
        await received.until(lambda r: len(r.samples) >= 1000)
        assert received.samples == list(range(1000))
    await bob.disconnect()
    writer.packet()
    await first.until(lambda r: len(r.samples) >= 1050)
    await alice.disconnect()


async def test_it_drops_the_oldest_for_a_slow_viewer_and_resumes_by_id(
    people, sockets, writer, monkeypatch
):
    monkeypatch.setattr(LiveConsumer, "capacity", 5)
    monkeypatch.setattr("telecardio.live.consumer.COALESCE_S", 0.5)
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    writer.packet()
    await received.until(lambda r: r.samples)
    for _ in range(39):
        writer.packet()
    await received.until(lambda r: r.has("dropped") and 1999 in r.samples)
    assert received.last("dropped")["count"] > 0
    # What was dropped from the buffer was read again from the stream.
    assert received.samples == list(range(2000))
    await alice.disconnect()


async def test_it_stops_sending_what_is_not_watched_any_more(people, sockets, writer):
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    received.texts.clear()
    await alice.send_json_to({"watch": []})
    await received.until(lambda r: r.has("watching"))
    writer.packet()
    assert await alice.receive_nothing(0.3)
    await alice.disconnect()


async def test_it_answers_a_ping_with_the_time(people, sockets):
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [])
    await alice.send_json_to({"ping": 5})
    await received.until(lambda r: r.has("pong"))
    assert received.last("pong")["ping"] == 5
    assert abs(received.last("pong")["now_ms"] - time.time() * 1000) < 5000
    await alice.disconnect()
