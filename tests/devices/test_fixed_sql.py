"""Queries in fixed words find what the ORM finds, whole."""

from datetime import timedelta

import pytest
from django.utils import timezone

from devices.fixed_sql import Columns
from devices.models import Anchor, Device, DeviceToken, Record, token_at
from devices.services.finding import TokenClosed, find
from devices.time_map import Piece
from devices.tokens import token_digest
from tests.devices.conftest import STREAM, packet

NOW = timezone.now()
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("expires_at", [None, NOW - HOUR, NOW, NOW + HOUR])
@pytest.mark.parametrize("revoked_at", [None, NOW - HOUR])
@pytest.mark.parametrize("retired_at", [None, NOW - HOUR])
def test_it_lets_in_the_tokens_that_the_query_set_lets_in(
    device, token, expires_at, revoked_at, retired_at
):
    DeviceToken.objects.update(expires_at=expires_at, revoked_at=revoked_at)
    Device.objects.update(retired_at=retired_at)
    found = token_at(token_digest(token), NOW)
    assert found == DeviceToken.objects.valid_at(NOW).first()


def test_it_brings_the_whole_token_and_its_device(device, token):
    found = token_at(token_digest(token), NOW)
    assert _all_of(found.device) == _all_of(device)
    assert _all_of(found) == _all_of(DeviceToken.objects.get())
    found.device.name = "Other"
    found.device.save()
    assert Device.objects.get().name == "Other"


def test_it_knows_no_token_of_another_digest(token):
    assert token_at(token_digest(token)[::-1], NOW) is None


def test_it_finds_the_whole_record_and_whose_it_is(upload, device, assignment):
    upload(packet())
    found = find(device, STREAM, token=None, now=NOW)
    assert _all_of(found.device) == _all_of(Device.objects.get())
    assert _all_of(found.record) == _all_of(Record.objects.get())
    assert _all_of(found.record.patient) == _all_of(assignment.patient)
    assert _all_of(found.record.assignment) == _all_of(assignment)
    assert found.record.leads == ["I"]
    [anchor] = Anchor.objects.all()
    assert found.pieces == [Piece(0, anchor.at)]
    Record.objects.update(assignment=None, patient=None)
    found = find(device, STREAM, token=None, now=NOW)
    assert found.record.patient is None
    assert found.record.assignment is None
    assert find(device, "0" * 16, token=None, now=NOW).record is None


def test_it_finds_the_last_anchors_in_their_order(upload, device, assignment):
    upload(packet())
    record = Record.objects.get()
    Anchor.objects.bulk_create(
        Anchor(record=record, sample=n, at=NOW, step_ms=n) for n in range(1, 20)
    )
    found = find(device, STREAM, token=None, now=NOW)
    assert [piece.sample for piece in found.pieces] == list(range(4, 20))
    assert found.pieces[0].step == timedelta(milliseconds=4)


@pytest.mark.parametrize("expires_at", [None, NOW - HOUR, NOW, NOW + HOUR])
@pytest.mark.parametrize("revoked_at", [None, NOW - HOUR])
@pytest.mark.parametrize("retired_at", [None, NOW - HOUR])
def test_it_looks_at_the_token_as_it_finds(
    device, token, expires_at, revoked_at, retired_at
):
    DeviceToken.objects.update(expires_at=expires_at, revoked_at=revoked_at)
    Device.objects.update(retired_at=retired_at)
    row = DeviceToken.objects.get()
    if DeviceToken.objects.valid_at(NOW).exists():
        assert find(device, STREAM, token=row, now=NOW).device == device
        return
    with pytest.raises(TokenClosed):
        find(device, STREAM, token=row, now=NOW)


def test_it_finds_nothing_with_the_token_of_another_device(device, token):
    other = Device.objects.create(serial="TC-OTHER")
    with pytest.raises(TokenClosed):
        find(other, STREAM, token=DeviceToken.objects.get(), now=NOW)


def test_it_leaves_what_stands_behind_a_row():
    columns = Columns(DeviceToken)
    absent, rest = columns.take([None] * len(columns.names) + ["more"])
    assert absent is None
    assert rest == ["more"]


def _all_of(row):
    names = [field.attname for field in row._meta.concrete_fields]
    return {name: getattr(row, name) for name in names}
