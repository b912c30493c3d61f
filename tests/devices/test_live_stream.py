"""What enters a patient's live stream, and what is announced after the commit."""

import time
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from devices.live import (
    BeatsEntry,
    SignalEntry,
    StateEntry,
    append_beats,
    append_state,
    live_stream_key,
    unpack,
)
from devices.models import Record
from devices.services import move_device
from devices.signals import chunk_stored
from tests.devices.conftest import FS, packet, timed

SECOND = timedelta(seconds=1)


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Return the context in which what follows a commit is done."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def heard():
    """Return what ``chunk_stored`` said."""
    said = []

    def listen(sender, record_id, end_sample, live, **_):
        said.append((record_id, end_sample, live))

    chunk_stored.connect(listen)
    yield said
    chunk_stored.disconnect(listen)


def entries(redis_client, patient):
    """Return what the patient's live stream holds."""
    rows = redis_client.xrange(live_stream_key(patient.live_key))
    return [unpack(fields) for _, fields in rows]


def test_it_appends_fresh_packets_in_their_order(
    upload, assignment, patient, redis_client, committed, heard
):
    start_at = (timezone.now() - 4 * SECOND).replace(microsecond=0)
    with committed():
        upload(timed(1, start_at), timed(0, start_at), packet(2, samples=[]))
    first, second = entries(redis_client, patient)
    record = Record.objects.get()
    assert isinstance(first, SignalEntry)
    assert (first.record, first.seq, first.first_sample) == (record.pk, 0, 0)
    assert (first.fs, first.leads, first.gain, first.baseline) == (FS, 1, 1000.0, 0)
    assert first.at_ms == start_at.timestamp() * 1000
    assert abs(first.received_at_ms / 1000 - time.time()) < 60
    assert first.data == bytes(record.chunks.get(seq=0).data)
    assert second.seq == 1
    assert heard == [(record.pk, 2 * FS, True)]
    assert 100 < redis_client.ttl(live_stream_key(patient.live_key)) <= 120


def test_it_never_draws_a_backlog_as_live(
    upload, assignment, patient, hour_ago, redis_client, committed, heard
):
    with committed():
        upload(*[timed(seq, hour_ago) for seq in range(3)])
    assert entries(redis_client, patient) == []
    assert heard == [(Record.objects.get().pk, 3 * FS, False)]


def test_it_never_draws_what_is_behind_the_head(
    upload, assignment, patient, redis_client, committed, heard
):
    start_at = timezone.now() - 5 * SECOND
    with committed():
        upload(timed(2, start_at))
    with committed():
        upload(timed(1, start_at))
    assert [entry.seq for entry in entries(redis_client, patient)] == [2]
    assert [live for _, _, live in heard] == [True, False]


def test_it_announces_nothing_new_for_a_duplicate_or_a_heartbeat(
    upload, assignment, committed, heard
):
    with committed():
        upload(packet(0))
    with committed():
        upload(packet(0))
        upload(packet(1, samples=[]))
    assert len(heard) == 1


def test_it_shows_nobody_a_held_stream(
    upload, device, assignment, patient, other_patient, redis_client, committed, heard
):
    move_device(device=device, to_patient=other_patient)
    with committed():
        upload(packet(0))
    assert entries(redis_client, patient) == []
    assert entries(redis_client, other_patient) == []
    assert len(heard) == 1


def test_it_acknowledges_even_if_a_listener_fails(upload, assignment, committed):
    def fail(**_):
        raise RuntimeError

    chunk_stored.connect(fail)
    try:
        with committed():
            assert upload(packet(0)).status_code == 200
    finally:
        chunk_stored.disconnect(fail)


def test_it_drops_what_is_older_than_a_minute(
    upload, assignment, patient, redis_client, committed
):
    key = live_stream_key(patient.live_key)
    old_ms = int(time.time() * 1000) - 90_000
    # An approximate trim drops whole nodes of 100 entries.
    for i in range(300):
        redis_client.xadd(key, {"kind": "old"}, id=f"{old_ms}-{i + 1}")
    with committed():
        upload(packet(0))
    assert redis_client.xlen(key) <= 100


def test_it_carries_beats_and_state_unchanged(patient, redis_client):
    beats = {
        "record": 7,
        "fs": 250,
        "samples": np.array([250, 2**40], np.int64),
        "at_ms": np.array([1763892034000, 1763892035000], np.int64),
        "classes": np.array([0, 2], np.uint8),
        "probabilities": np.array([255, 128], np.uint8),
    }
    append_beats(live_key=patient.live_key, heart_rate_bpm=61.5, **beats)
    append_beats(live_key=patient.live_key, heart_rate_bpm=float("nan"), **beats)
    append_state(live_key=patient.live_key, state={"rhythm": "normal"})
    first, second, state = entries(redis_client, patient)
    assert isinstance(first, BeatsEntry)
    for name in ("samples", "at_ms", "classes", "probabilities"):
        assert np.array_equal(getattr(first, name), beats[name])
    assert first.heart_rate_bpm == 61.5
    assert np.isnan(second.heart_rate_bpm)
    assert state == StateEntry({"rhythm": "normal"})


def test_it_refuses_an_entry_of_an_unknown_kind():
    with pytest.raises(ValueError, match="not known"):
        unpack({b"kind": b"dream"})
