"""What is asked for every few seconds is found without reading the history."""

import pytest
from django.db import connection
from django.db.models import Q, QuerySet

from inference.models import Alarm, Episode
from patients.models import Patient


def _plan(rows: "QuerySet[Alarm] | QuerySet[Episode]") -> str:
    with connection.cursor() as cursor:
        # Tables of tests are so small that reading them whole is cheaper, and so
        # are their other indexes.
        cursor.execute("SET LOCAL enable_seqscan = off")
    return rows.explain()


@pytest.mark.django_db
def test_it_has_an_index_of_open_alarms(patient: Patient) -> None:
    visible = Patient.objects.filter(ward=patient.ward)
    plan = _plan(Alarm.objects.filter(patient__in=visible).open())
    assert "alarm_open" in plan


@pytest.mark.django_db
def test_it_has_indexes_of_episodes_that_go_on() -> None:
    pending = Q(end_at=None) | Q(provisional=True)
    rows = Episode.objects.filter(pending, record=1, withdrawn_at=None)
    assert "episode_pending" in _plan(rows)
    silences = Episode.objects.filter(
        label="NO_DATA", end_at=None, patient__isnull=False
    )
    assert "episode_unended" in _plan(silences)
