"""Nobody sees a trace without the right to."""

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from uvicorn.protocols.utils import ClientDisconnected

from patients.models import AccessLog, CareTeamMember, User
from telecardio.live.consumer import LiveConsumer
from telecardio.live.metrics import VIEWERS
from telecardio.live.reader import process_reader
from tests.live.receiving import Received, watching


async def test_it_closes_for_anonymous(people, sockets):
    socket = sockets(None)
    await socket.connect()
    received = Received(socket)
    await received.until(lambda r: r.closed)
    assert received.closed == 4401


async def test_it_refuses_a_stranger_as_if_the_patient_did_not_exist(
    people, sockets, writer
):
    writer.packet()
    charlie = await sync_to_async(sockets)(people.charlie)
    received = await watching(charlie, [people.patient])
    assert received.last("watching") == {
        "type": "watching",
        "watch": [],
        "refused": [people.patient.pk],
    }
    writer.packet()
    assert await charlie.receive_nothing(0.3)
    await charlie.send_json_to({"watch": [10**9]})
    await received.until(lambda r: r.last("watching")["refused"] == [10**9])
    assert received.frames == []
    await charlie.disconnect()


async def test_it_shows_only_the_visible_ones_of_a_list(people, sockets, writer):
    bob = await sync_to_async(sockets)(people.bob)
    received = await watching(bob, [people.patient, people.other])
    assert received.last("watching")["watch"] == [people.patient.pk]
    assert received.last("watching")["refused"] == [people.other.pk]
    await bob.disconnect()


async def test_it_writes_down_whose_trace_was_looked_at(people, sockets, writer):
    for _ in range(2):
        bob = await sync_to_async(sockets)(people.bob)
        await watching(bob, [people.patient, people.other])
        await bob.disconnect()
    looks = AccessLog.objects.values_list("user", "patient", "action")
    assert [look async for look in looks] == [
        (people.bob.pk, people.patient.pk, "live trace")
    ]


async def test_it_gives_neither_staff_nor_patients_the_live_stream(
    people, sockets, writer
):
    writer.packet()
    for role in ("staff", "patient"):
        user = await User.objects.acreate(email=f"{role}@example.org", role=role)
        if role == "patient":
            people.patient.user = user
            await people.patient.asave()
        socket = await sync_to_async(sockets)(user)
        received = await watching(socket, [people.patient])
        assert received.last("watching")["refused"] == [people.patient.pk]
        assert await socket.receive_nothing(0.1)
        await socket.disconnect()


async def test_it_shows_a_wall_screen_its_ward_alone(people, sockets, writer):
    people.other.ward = None
    await people.other.asave()
    kiosk = await User.objects.acreate(
        email="wall@example.org", role="kiosk", ward_id=people.patient.ward_id
    )
    socket = await sync_to_async(sockets)(kiosk)
    received = await watching(socket, [people.patient, people.other])
    assert received.last("watching")["watch"] == [people.patient.pk]
    await socket.disconnect()


async def test_it_stops_the_stream_of_a_removed_doctor(
    people, sockets, writer, monkeypatch
):
    monkeypatch.setattr(LiveConsumer, "rights_interval_s", 0.1)
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    writer.packet()
    await received.until(lambda r: r.frames)
    await CareTeamMember.objects.filter(user=people.alice).adelete()
    await received.until(lambda r: r.last("watching")["refused"])
    assert received.last("watching")["watch"] == []
    seen = len(received.frames)
    writer.packet()
    assert await alice.receive_nothing(0.3)
    assert len(received.frames) == seen
    await alice.disconnect()


async def test_it_closes_after_logout(people, sockets, monkeypatch):
    monkeypatch.setattr(LiveConsumer, "rights_interval_s", 0.1)
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    await Session.objects.all().adelete()
    await received.until(lambda r: r.closed)
    assert received.closed == 4401


async def test_it_closes_when_the_account_is_deactivated(people, sockets, monkeypatch):
    monkeypatch.setattr(LiveConsumer, "rights_interval_s", 0.1)
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    await User.objects.filter(pk=people.alice.pk).aupdate(is_active=False)
    await received.until(lambda r: r.closed)
    assert received.closed == 4401


async def test_it_answers_nonsense_with_an_error(people, sockets):
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    for nonsense in ("{", "[]", '{"watch": 5}', '{"watch": [-1]}', '{"watch": ["x"]}'):
        received.texts.clear()
        await alice.send_to(text_data=nonsense)
        await received.until(lambda r: r.has("error"))
    await alice.disconnect()


async def test_it_goes_on_after_a_number_that_is_none(people, sockets, writer):
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    await alice.send_to(text_data='{"watch": [1e999]}')
    await received.until(lambda r: r.has("error"))
    await alice.send_json_to({"watch": [people.patient.pk]})
    await received.until(lambda r: r.last("watching")["watch"] == [people.patient.pk])
    await alice.disconnect()


async def test_nothing_is_left_of_who_leaves_while_it_is_told_something(
    people, sockets, writer, monkeypatch
):
    alice = await sync_to_async(sockets)(people.alice)
    await watching(alice, [people.patient])
    before = VIEWERS._value.get()

    async def fail(self, *given, **named):
        raise ClientDisconnected

    monkeypatch.setattr(LiveConsumer, "_watch", fail)
    await alice.send_json_to({"watch": []})
    with pytest.raises(ClientDisconnected):
        await alice.wait()
    assert VIEWERS._value.get() == before - 1
    assert people.patient.pk not in process_reader()._viewers
