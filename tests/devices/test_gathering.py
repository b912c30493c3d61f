"""Uploads of many devices at once: stored together, judged one by one."""

import asyncio
import json
import logging
import random
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from devices.api import gathering, own_connection, stored_groups
from devices.api.gathering import Gathering
from devices.api.problems import Problem
from devices.budget import BudgetError
from devices.codec import decode_json
from devices.models import Chunk, Device, DeviceToken, Record
from devices.services import (
    Arrival,
    revoke_device_tokens,
    store_packets,
    store_together,
)
from telecardio.postgresql.base import DatabaseWrapper
from tests.devices.conftest import FS, packet, timed, worn_device

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worn(ward) -> list[Device]:
    """Return devices that somebody wears, each with a token."""
    since = timezone.now() - timedelta(days=1)
    return [worn_device(f"TC-{n}", ward, since=since)[0] for n in range(6)]


def arrival_of(device: Device, *packets: dict) -> Arrival:
    """Return an upload as the services take it."""
    decoded = decode_json(json.dumps({"packets": packets}).encode())
    token = DeviceToken.objects.select_related("device").get(device=device)
    return Arrival(token.device, token, decoded.packets, timezone.now())


def decoded_of(*packets: dict):
    return decode_json(json.dumps({"packets": packets}).encode())


def words(result) -> list[str]:
    return [verdict.result.value for verdict in result.verdicts]


def gather(work):
    """Run ``work(gathering)`` on a loop; end its threads with their connections."""

    async def run():
        gathered = Gathering()
        try:
            return await work(gathered)
        finally:
            for threads in gathered.threads():
                for _ in range(3):
                    threads.submit(connection.close)
                threads.shutdown()

    return asyncio.run(run())


def test_it_stores_in_one_statement_what_goes_on(worn, hour_ago):
    nothing = [None] * len(worn)
    # A new stream is looked at alone.
    assert store_together([arrival_of(d, timed(0, hour_ago)) for d in worn]) == nothing
    for device in worn:
        arrival = arrival_of(device, timed(0, hour_ago))
        store_packets(
            device=device, packets=arrival.packets, received_at=timezone.now()
        )
    for seq in (1, 2, 3):
        stored = store_together([arrival_of(d, timed(seq, hour_ago)) for d in worn])
        assert [words(result) for result in stored] == [["stored"]] * len(worn)
        assert [result.next_seq for result in stored] == [seq + 1] * len(worn)
    records = Record.objects.all()
    assert {(r.end_sample, r.sample_count) for r in records} == {(4 * FS, 4 * FS)}
    # One transaction wrote the last of all.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT xmin::text) FROM devices_chunk WHERE seq = 3"
        )
        assert cursor.fetchone() == (1,)


def test_it_stores_the_rest_when_one_must_wait(worn, hour_ago):
    for device in worn:
        arrival = arrival_of(device, timed(0, hour_ago))
        store_packets(
            device=device, packets=arrival.packets, received_at=timezone.now()
        )
    store_together([arrival_of(device, timed(1, hour_ago)) for device in worn])
    revoke_device_tokens(device=worn[0])
    # Found anew, as when another process stored the last packet.
    Device.objects.filter(pk=worn[1].pk).update(name="Somebody changed it")
    stored = store_together(
        [
            *[arrival_of(device, timed(2, hour_ago)) for device in worn],
            arrival_of(worn[2], timed(3, hour_ago)),
            arrival_of(worn[3], timed(3, hour_ago)),
        ]
    )
    assert [result is not None for result in stored] == [
        *[False, True, True, True, True, True],
        # The second upload of a device waits for the first.
        *[False, False],
    ]
    assert Chunk.objects.filter(seq=2).count() == 5
    assert not Chunk.objects.filter(seq=3).exists()


@pytest.mark.parametrize("seed", range(3))
def test_it_ends_as_if_all_had_been_stored_one_by_one(worn, hour_ago, seed):
    rng = random.Random(seed)
    uploads = []
    for device in worn:
        packets = [timed(seq, hour_ago) for seq in range(30)]
        if rng.random() < 0.5:
            place = rng.randrange(20)
            packets[place : place + 9] = rng.sample(packets[place : place + 9], 9)
        while packets:
            size = rng.randint(1, 3)
            uploads.append((device, packets[:size]))
            if rng.random() < 0.2:
                uploads.append((device, packets[:size]))
            del packets[:size]
    order = sorted(uploads, key=lambda _: rng.random())

    async def work(gathered):
        asked = []
        for arrival, (_, packets) in zip(arrivals, order, strict=True):
            asked.append(
                asyncio.create_task(gathered.store(arrival, decoded_of(*packets)))
            )
            if rng.random() < 0.1:
                await asyncio.gather(*asked)
        return await asyncio.gather(*asked)

    arrivals = [arrival_of(device, *packets) for device, packets in order]
    results = gather(work)
    told = [word for result in results for word in words(result)]
    assert set(told) <= {"stored", "duplicate"}
    assert told.count("stored") == Chunk.objects.count() == 30 * len(worn)
    for record in Record.objects.all():
        assert (record.next_seq, record.gaps) == (30, [])
        assert record.sample_count == record.end_sample == 30 * FS
        assert record.chunks.count() == 30


def test_it_finds_another_connection_when_its_own_was_ended(worn, hour_ago):
    mine = connection.connection.info.backend_pid

    async def work(gathered):
        for seq in range(4):
            arrivals = await gathered.apart(
                lambda seq=seq: [arrival_of(d, timed(seq, hour_ago)) for d in worn]
            )
            packets = decoded_of(timed(seq, hour_ago))
            stored = await asyncio.gather(
                *[gathered.store(arrival, packets) for arrival in arrivals]
            )
            assert [words(result) for result in stored] == [["stored"]] * len(worn)
            await gathered.apart(_end_backends, mine)

    gather(work)
    assert Chunk.objects.count() == 4 * len(worn)


def _end_backends(spared: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            # It waits until they have gone: until then they look usable.
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database()"
            " AND pid NOT IN (pg_backend_pid(), %s)",
            [spared],
        )
    connection.close()


def test_it_stores_one_by_one_when_the_statement_fails(worn, hour_ago, caplog):
    """Here because a chunk is there that no record counts, as no upload leaves it."""

    async def work(gathered):
        stored = []
        for seq in range(4):
            if seq == 3:
                await gathered.apart(_hide_a_chunk, worn[0])
            arrivals = await gathered.apart(
                lambda seq=seq: [arrival_of(d, timed(seq, hour_ago)) for d in worn]
            )
            packets = decoded_of(timed(seq, hour_ago))
            stored = await asyncio.gather(
                *[gathered.store(arrival, packets) for arrival in arrivals],
                return_exceptions=True,
            )
        return stored

    with caplog.at_level(logging.WARNING):
        first, *others = gather(work)
    assert isinstance(first, Exception)
    assert [words(result) for result in others] == [["stored"]] * (len(worn) - 1)
    assert "one by one" in caplog.text


def _hide_a_chunk(device: Device) -> None:
    record = Record.objects.get(device=device)
    Chunk.objects.create(
        record=record,
        seq=3,
        first_sample=3 * FS,
        n=1,
        crc=0,
        data=b"\0\0",
        flags=[],
        lost_before=0,
        marker=False,
        received_at=timezone.now(),
    )


def test_it_stores_one_by_one_when_the_group_cannot_even_begin(
    worn, hour_ago, monkeypatch
):
    def fail(costs):
        raise ValueError("Redis said something odd.")

    monkeypatch.setattr(stored_groups, "spend_all", fail)
    arrivals = [arrival_of(device, timed(0, hour_ago)) for device in worn]

    async def work(gathered):
        packets = decoded_of(timed(0, hour_ago))
        return await asyncio.gather(
            *[gathered.store(arrival, packets) for arrival in arrivals]
        )

    assert [words(result) for result in gather(work)] == [["stored"]] * len(worn)


def test_it_takes_from_the_budget_once(worn, hour_ago, settings):
    settings.DEVICE_BUDGET_BURST_S, settings.DEVICE_BUDGET_FACTOR = 10, 0.01
    packets = [[timed(seq * 6 + i, hour_ago) for i in range(6)] for seq in range(2)]

    async def work(gathered):
        found = []
        for some in packets:
            arrivals = await gathered.apart(
                lambda some=some: arrival_of(worn[0], *some)
            )
            found.append(
                await asyncio.gather(
                    gathered.store(arrivals, decoded_of(*some)), return_exceptions=True
                )
            )
        return found

    (first,), (second,) = gather(work)
    assert words(first) == ["stored"] * 6
    assert isinstance(second, BudgetError)
    assert Chunk.objects.count() == 6


def test_it_turns_away_backlog_first_and_then_everything(worn, hour_ago, monkeypatch):
    monkeypatch.setattr(gathering, "WAITING_UPLOADS", 4)
    now = timezone.now() - timedelta(seconds=2)
    live = [arrival_of(device, timed(0, now)) for device in worn]
    old = [arrival_of(device, timed(0, hour_ago)) for device in worn]

    async def work(gathered):
        asked = [live[0], old[1], live[2], live[3], live[4], live[5]]
        return await asyncio.gather(
            *[gathered.store(each, decoded_of(packet(0))) for each in asked],
            return_exceptions=True,
        )

    found = gather(work)
    refused = [isinstance(each, Problem) for each in found]
    assert refused == [False, True, False, False, False, True]
    assert (found[1].status_code, found[1].code) == (503, "busy")
    assert int(found[1].headers["Retry-After"]) > 0
    assert Chunk.objects.count() == 4


def test_it_turns_away_when_too_much_waits_to_be_looked_at(monkeypatch):
    monkeypatch.setattr(gathering, "WAITING_UPLOADS", 5)

    async def work(gathered):
        held = threading.Event()
        asked = [asyncio.create_task(gathered.apart(held.wait)) for _ in range(6)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        held.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    *waited, refused = gather(work)
    assert waited == [True] * 5
    assert (refused.status_code, refused.code) == (503, "busy")


def test_it_turns_away_bodies_that_it_has_no_room_for(monkeypatch):
    monkeypatch.setattr(gathering, "WAITING_BYTES", 1000)

    async def work(gathered):
        with gathered.room_for(600):
            with pytest.raises(Problem) as refused, gathered.room_for(401):
                pass
            with gathered.room_for(400):
                pass
        with gathered.room_for(1000):
            pass
        return refused.value

    assert gather(work).status_code == 503


def test_bodies_that_still_come_turn_no_backlog_away(worn, hour_ago, monkeypatch):
    monkeypatch.setattr(gathering, "WAITING_BYTES", 1000)
    old = [arrival_of(device, timed(0, hour_ago)) for device in worn[:2]]
    packets = decoded_of(packet(0))

    async def work(gathered):
        with gathered.room_for(900):
            first = await gathered.store(old[0], packets)
        with gathered.counted(900), pytest.raises(Problem) as refused:
            await gathered.store(old[1], packets)
        return first, refused.value

    first, refused = gather(work)
    assert words(first) == ["stored"]
    assert refused.code == "busy"


def test_nobody_waits_alone_for_a_database_that_is_away(worn, hour_ago, monkeypatch):
    live = [timezone.now() - timedelta(seconds=2)] * len(worn)
    arrivals = [
        arrival_of(device, timed(0, at)) for device, at in zip(worn, live, strict=True)
    ]
    tried = []

    def fail(self, *given):
        tried.append(threading.current_thread().name)
        time.sleep(0.2)
        raise OperationalError("timeout expired")

    monkeypatch.setattr(DatabaseWrapper, "connect", fail)
    monkeypatch.setattr(own_connection._Rest, "until_s", 0.0)

    async def work(gathered):
        # As the trust of a token lapses meanwhile.
        others = [gathered.apart(connection.ensure_connection) for _ in range(50)]
        return await asyncio.gather(
            *[gathered.store(each, decoded_of(packet(0))) for each in arrivals],
            *others,
            return_exceptions=True,
        )

    found = gather(work)
    assert {type(each) for each in found} == {OperationalError}
    # One for each thread, and whoever began before the first had failed.
    assert len(tried) <= 6


BATCH = 20


def backlog_of(device: Device, start_at, upload: int) -> tuple[Arrival, Any]:
    packets = [timed(upload * BATCH + seq, start_at) for seq in range(BATCH)]
    return arrival_of(device, *packets), decoded_of(*packets)


def test_a_live_upload_does_not_wait_until_a_backlog_is_stored(worn, hour_ago):
    start = timezone.now() - timedelta(seconds=2)
    old, live = backlog_of(worn[0], hour_ago, 0), arrival_of(worn[1], timed(0, start))

    async def work(gathered):
        held = threading.Event()
        gathered.backlog.thread.submit(held.wait)
        late = asyncio.create_task(gathered.store(*old))
        try:
            first = await gathered.store(live, decoded_of(timed(0, start)))
            assert not late.done()
        finally:
            held.set()
        return first, await late

    first, late = gather(work)
    assert words(first) == ["stored"]
    assert words(late) == ["stored"] * BATCH


@pytest.mark.parametrize("beside_live", [True, False])
def test_backlog_goes_one_by_one_while_live_uploads_come(worn, hour_ago, beside_live):
    start = timezone.now() - timedelta(seconds=2)
    live = arrival_of(worn[0], timed(0, start))
    # The first of a stream is decided alone.
    firsts = [backlog_of(device, hour_ago, 0) for device in worn[1:]]
    rest = [backlog_of(device, hour_ago, 1) for device in worn[1:]]

    async def work(gathered):
        ended: list[int] = []

        async def store(old):
            await gathered.store(*old)
            ended.append(gathered.backlog.groups)

        await asyncio.gather(*[gathered.store(*old) for old in firsts])
        if beside_live:
            await gathered.store(live, decoded_of(timed(0, start)))
        await asyncio.gather(*[store(old) for old in rest])
        return len(set(ended))

    assert gather(work) == (5 if beside_live else 1)
    assert Chunk.objects.filter(record__device__in=worn[1:]).count() == 5 * 2 * BATCH
