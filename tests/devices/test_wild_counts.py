"""A device that counts wildly harms its own packets only, and loses none of them."""

from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone

from devices.api.body import read_body
from devices.codec import BodyError
from devices.models import Chunk, Record
from devices.services import assign_device
from tests.devices.conftest import FS, packet, results, timed

DAY = 24 * 3600
OTHER = "0" * 16


def test_it_wants_a_new_stream_after_a_gap_of_more_than_a_day(
    upload, assignment, hour_ago
):
    upload(timed(0, hour_ago))
    at_most = timed(1, hour_ago, first_sample=FS + DAY * FS)
    assert results(upload(at_most)) == ["stored"]
    end = at_most["first_sample"] + FS
    beyond = timed(3, hour_ago, first_sample=end + FS + DAY * FS + 1)
    response = upload(timed(2, hour_ago, first_sample=end), beyond)
    assert results(response) == ["stored", "stream_changed"]
    assert Record.objects.get().end_sample == end + FS
    # What the device does then: the same samples, counted anew.
    again = upload(beyond | {"stream": OTHER, "seq": 0, "first_sample": 0})
    assert results(again) == ["stored"]


@pytest.mark.parametrize("samples", [[1] * FS, []])
def test_it_begins_no_record_with_an_absurd_gap(upload, assignment, samples):
    response = upload(packet(0, first_sample=2**40 - FS, samples=samples))
    assert (response.status_code, results(response)) == (409, ["stream_changed"])
    assert not Record.objects.exists()


def test_it_places_what_was_counted_into_the_future_by_its_arrival(upload, assignment):
    now = timezone.now()
    upload(timed(0, now))
    upload(packet(1, first_sample=3600 * FS))
    record = Record.objects.get()
    assert timedelta(0) <= record.end_at - now < timedelta(minutes=1)
    assert record.anchors.last().step_ms < -3_000_000


def test_it_attributes_what_was_counted_into_the_future_by_its_arrival(
    upload, device, patient
):
    now = timezone.now()
    assign_device(
        device=device,
        patient=patient,
        start_at=now - timedelta(hours=1),
        end_at=now + timedelta(minutes=30),
    )
    upload(timed(0, now))
    assert results(upload(packet(1, first_sample=3600 * FS))) == ["stored"]


def test_it_takes_the_form_of_a_stream_from_its_first_packet(
    upload, assignment, hour_ago
):
    before = assignment.start_at - timedelta(days=1)
    other_form = timed(1, hour_ago, fs=500, samples=[1] * 500)
    response = upload(timed(0, before), other_form, timed(2, hour_ago))
    assert results(response) == ["no_patient", "stream_changed", "stored"]
    record = Record.objects.get()
    assert record.fs == FS
    assert record.time_of(2 * FS) == hour_ago + timedelta(seconds=2)


def test_it_takes_no_time_from_a_packet_of_another_form(upload, assignment, hour_ago):
    other_form = timed(1, hour_ago, fs=500, samples=[1] * 500)
    assert results(upload(packet(0), other_form)) == ["stored", "stream_changed"]
    assert Record.objects.get().time_uncertain
    assert Chunk.objects.get().at is None


@pytest.mark.parametrize("length", ["²", "-1", "x", "1e3"])
def test_it_takes_no_length_that_is_no_number(length):
    request = RequestFactory().post("/", b"{}", "application/json")
    request.META["CONTENT_LENGTH"] = length
    with pytest.raises(BodyError, match="Content-Length"):
        read_body(request, limit=100)
