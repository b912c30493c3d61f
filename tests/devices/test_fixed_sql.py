"""Queries in fixed words find what the ORM finds, whole."""

from datetime import timedelta

import pytest
from django.utils import timezone

from devices.fixed_sql import Columns
from devices.models import Device, DeviceToken, Record, token_at
from devices.services import storing
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


def test_it_brings_the_whole_token_and_its_device(
    device, token, django_assert_num_queries
):
    with django_assert_num_queries(1):
        found = token_at(token_digest(token), NOW)
        assert _all_of(found.device) == _all_of(device)
    assert _all_of(found) == _all_of(DeviceToken.objects.get())
    found.device.name = "Other"
    found.device.save()
    assert Device.objects.get().name == "Other"


def test_it_knows_no_token_of_another_digest(token):
    assert token_at(token_digest(token)[::-1], NOW) is None


def test_it_brings_the_whole_record_and_whose_it_is(
    upload, device, assignment, django_assert_num_queries
):
    upload(packet())
    with django_assert_num_queries(1):
        found = storing._lock_record(device, STREAM)
        assert _all_of(found.patient) == _all_of(assignment.patient)
        assert _all_of(found.assignment) == _all_of(assignment)
    assert _all_of(found) == _all_of(Record.objects.get())
    assert found.leads == ["I"]
    Record.objects.update(assignment=None, patient=None)
    found = storing._lock_record(device, STREAM)
    assert found.patient is None
    assert found.assignment is None
    assert storing._lock_record(device, "0" * 16) is None


def test_it_leaves_what_stands_behind_a_row():
    columns = Columns(DeviceToken)
    absent, rest = columns.take([None] * len(columns.names) + ["more"])
    assert absent is None
    assert rest == ["more"]


def _all_of(row):
    names = [field.attname for field in row._meta.concrete_fields]
    return {name: getattr(row, name) for name in names}
