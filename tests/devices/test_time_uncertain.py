"""Streams of devices without a clock: placed by arrival, never guessed whose."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from devices.codec import decode_json
from devices.models import Record
from devices.services import (
    AssignmentError,
    assign_device,
    attribute_record,
    compact_record,
    end_assignment,
    move_device,
    store_packets,
)
from patients.models import AccessLog
from tests.devices.conftest import FS, packet, results, timed

SECOND = timedelta(seconds=1)


def store(device, *packets, at):
    """Store packets that arrive at ``at``."""
    body = json.dumps({"packets": packets}).encode()
    decoded = decode_json(body).packets
    return store_packets(device=device, packets=decoded, received_at=at)


def test_it_places_a_stream_by_its_arrival(device, assignment, hour_ago):
    store(device, packet(0), packet(1), packet(2), at=hour_ago)
    record = Record.objects.get()
    assert record.time_uncertain
    assert record.patient == assignment.patient
    assert record.end_at == hour_ago


@pytest.mark.parametrize("clock", ["2019-12-31T23:59:59Z", "1970-01-01T00:00:00Z"])
def test_it_takes_an_impossible_clock_for_none(device, assignment, hour_ago, clock):
    store(device, packet(0, at=clock), at=hour_ago)
    record = Record.objects.get()
    assert record.time_uncertain
    assert record.chunks.get().at is None


def test_it_takes_a_clock_that_is_far_ahead_for_none(device, assignment, hour_ago):
    ahead = hour_ago + timedelta(minutes=6)
    store(device, timed(0, ahead), at=hour_ago)
    assert Record.objects.get().time_uncertain
    store(device, timed(0, ahead - 2 * 60 * SECOND, stream="0" * 16), at=hour_ago)
    assert not Record.objects.get(stream="0" * 16).time_uncertain


def test_it_moves_the_stream_back_when_a_packet_came_faster(
    device, assignment, hour_ago
):
    store(device, packet(0), at=hour_ago + 9 * SECOND)
    store(device, packet(1), at=hour_ago + 4 * SECOND)
    assert Record.objects.get().end_at == hour_ago + 4 * SECOND


def test_it_sees_time_without_samples_in_mono_ms(device, assignment, hour_ago):
    store(device, packet(0, mono_ms=5000), at=hour_ago + SECOND)
    store(device, packet(1, mono_ms=16_000), at=hour_ago + 12 * SECOND)
    record = Record.objects.get()
    assert record.time_of(0) == hour_ago
    assert record.time_of(FS) == hour_ago + 11 * SECOND
    assert record.anchors.last().step_ms == 10_000


@pytest.mark.parametrize("mono", [0, 2**39])
def test_it_ignores_a_monotonic_clock_that_is_none(device, assignment, hour_ago, mono):
    store(device, packet(0, mono_ms=0), at=hour_ago + SECOND)
    store(device, packet(1, mono_ms=mono), at=hour_ago + 2 * SECOND)
    assert Record.objects.get().time_of(FS) == hour_ago + SECOND


def test_it_places_the_stream_anew_by_the_first_real_clock(
    device, assignment, hour_ago
):
    for seq in range(3):
        store(device, packet(seq), at=hour_ago + (seq + 30) * SECOND)
    store(device, timed(3, hour_ago), at=hour_ago + 33 * SECOND)
    record = Record.objects.get()
    assert not record.time_uncertain
    assert record.started_at == record.time_of(0) == hour_ago
    assert record.end_at == hour_ago + 4 * SECOND


def test_it_uses_a_clock_that_was_set_in_the_middle_of_a_batch(
    device, assignment, hour_ago
):
    store(device, packet(0), timed(1, hour_ago), packet(2), at=timezone.now())
    record = Record.objects.get()
    assert not record.time_uncertain
    assert record.started_at == hour_ago


def test_it_refuses_a_stream_of_a_device_that_nobody_ever_wore(device, hour_ago):
    done = store(device, packet(0), at=hour_ago)
    assert [verdict.result for verdict in done.verdicts] == ["no_patient"]


def test_it_refuses_what_was_surely_taken_before_anybody_wore_it(
    device, patient, hour_ago
):
    assign_device(device=device, patient=patient, start_at=hour_ago)
    done = store(device, *[packet(seq) for seq in range(4)], at=hour_ago + 2 * SECOND)
    assert [verdict.result for verdict in done.verdicts] == [
        "no_patient",
        "no_patient",
        "stored",
        "stored",
    ]


@pytest.fixture
def moved(device, assignment, other_patient, hour_ago):
    """Move the device to the other patient an hour ago."""
    return move_device(device=device, to_patient=other_patient, at=hour_ago)


def test_it_holds_a_stream_first_seen_after_a_change(upload, moved):
    assert upload(packet(0)).status_code == 200
    assert upload(packet(1)).status_code == 200
    record = Record.objects.get()
    assert (record.patient, record.assignment) == (None, None)
    assert record.time_uncertain
    assert record.sample_count == 2 * FS


def test_it_holds_a_stream_first_seen_after_the_end(upload, assignment):
    end_assignment(assignment=assignment)
    assert upload(packet(0)).status_code == 200
    assert Record.objects.get().patient is None


def test_it_goes_on_with_a_stream_that_was_seen_before_the_change(
    upload, device, assignment, other_patient
):
    upload(packet(0))
    moved_at = timezone.now() + timedelta(seconds=1)
    move_device(device=device, to_patient=other_patient, at=moved_at)
    done = store(
        device, *[packet(seq) for seq in range(1, 5)], at=moved_at + 4 * SECOND
    )
    # By its samples the stream reaches the move after about two seconds.
    assert done.verdicts[0].result == "stored"
    assert done.verdicts[-1].result == "stream_changed"
    assert Record.objects.get().patient == assignment.patient


def test_it_sees_in_mono_ms_that_a_stream_stood_still_until_after_the_change(
    device, assignment, moved, hour_ago
):
    before, after = hour_ago - 300 * SECOND, hour_ago + 300 * SECOND
    store(device, packet(0, mono_ms=0), at=before + SECOND)
    late = [packet(seq, mono_ms=600_000 + (seq - 1) * 1000) for seq in (1, 2)]
    done = store(device, *late, at=after + 2 * SECOND)
    assert [told.result for told in done.verdicts] == ["stream_changed"] * 2
    record = Record.objects.get()
    assert (record.end_sample, record.anchors.count()) == (FS, 1)
    # In a new stream it is held: nobody knows that all of it was taken afterwards.
    anew = [one | {"stream": "0" * 16, "seq": one["seq"] - 1} for one in late]
    anew = [one | {"first_sample": one["seq"] * FS} for one in anew]
    done = store(device, *anew, at=after + 3 * SECOND)
    assert [told.result for told in done.verdicts] == ["stored"] * 2
    assert Record.objects.get(stream="0" * 16).patient is None


def test_it_stores_what_mono_ms_shows_to_be_from_before_the_change(
    device, assignment, moved, hour_ago
):
    before = hour_ago - 300 * SECOND
    store(device, packet(0, mono_ms=0), at=before + SECOND)
    done = store(device, packet(1, mono_ms=240_000), at=hour_ago + 300 * SECOND)
    assert [told.result for told in done.verdicts] == ["stored"]
    record = Record.objects.get()
    assert record.patient == assignment.patient
    assert record.time_of(FS) == hour_ago - 60 * SECOND


def test_it_gives_a_held_record_to_whom_staff_says(upload, moved, staff_user):
    upload(packet(0))
    record = Record.objects.get()
    attribute_record(record=record, assignment=moved, by=staff_user)
    record.refresh_from_db()
    assert (record.patient, record.assignment) == (moved.patient, moved)
    assert AccessLog.objects.get().user == staff_user
    assert results(upload(packet(1))) == ["stored"]
    with pytest.raises(AssignmentError, match="held record"):
        attribute_record(record=record, assignment=moved, by=staff_user)


def test_it_attributes_a_held_record_once_its_time_is_known(
    upload, moved, patient, hour_ago
):
    upload(packet(0), packet(1))
    before_move = hour_ago - timedelta(minutes=1)
    assert upload(timed(2, before_move)).status_code == 200
    record = Record.objects.get()
    assert record.patient == patient
    assert record.time_of(0) == before_move
    assert not record.time_uncertain


def test_it_goes_on_holding_a_record_that_spans_the_change(upload, moved, hour_ago):
    upload(packet(0), packet(1))
    assert upload(timed(2, hour_ago - SECOND)).status_code == 200
    record = Record.objects.get()
    assert record.patient is None
    assert not record.time_uncertain


def test_it_goes_on_holding_it_when_its_beginning_has_become_a_segment(
    upload, moved, hour_ago
):
    for first in range(0, 300, 100):
        told = upload(*[packet(seq) for seq in range(first, first + 100)])
        assert set(results(told)) == {"stored"}
    # A second of the first patient, then the other's.
    assert upload(timed(300, hour_ago - SECOND)).status_code == 200
    record = Record.objects.get()
    assert record.patient is None
    later = timezone.now() + timedelta(hours=1)
    done = compact_record(record=record, analysed_sample=record.end_sample, now=later)
    assert (done, record.chunks.count()) == (1, 1)
    assert results(upload(timed(301, hour_ago - SECOND))) == ["stored"]
    record.refresh_from_db()
    assert (record.patient, record.assignment) == (None, None)
