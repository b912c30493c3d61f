"""Redis away: stored all the same. PostgreSQL away: nothing is acknowledged."""

import time

import pytest
from django.db import connection

from devices.live import live_stream_key
from devices.models import Chunk
from devices.redis_pool import Breaker, redis
from tests.devices.conftest import packet, results


def test_it_stores_and_acknowledges_without_redis(
    upload, assignment, closed_port, settings, django_capture_on_commit_callbacks
):
    settings.REDIS_URL = f"redis://127.0.0.1:{closed_port}/0"
    for seq in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            response = upload(packet(seq))
        assert (response.status_code, results(response)) == (200, ["stored"])
    assert Chunk.objects.count() == 3


def test_it_is_held_up_once_by_a_redis_that_does_not_answer(silent_port, settings):
    settings.REDIS_TIMEOUT_S = 0.2
    breaker = Breaker(f"redis://127.0.0.1:{silent_port}/0")
    began = time.monotonic()
    for _ in range(50):
        assert breaker.attempt(lambda client: client.ping()) is None
    assert breaker.is_resting
    assert time.monotonic() - began < 2


def test_it_goes_back_to_redis_after_the_rest(closed_port):
    breaker = Breaker(f"redis://127.0.0.1:{closed_port}/0", rest_s=0)
    assert breaker.attempt(lambda client: client.ping()) is None
    breaker.client = redis().client
    assert breaker.attempt(lambda client: client.ping()) is True


def test_it_survives_a_pooled_connection_that_died(
    upload, assignment, patient, redis_client, django_capture_on_commit_callbacks
):
    for seq in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            upload(packet(seq))
        connection_id = redis_client.client_id()
        redis_client.client_kill_filter(_id=connection_id, skipme=False)
    assert redis_client.xlen(live_stream_key(patient.live_key)) == 2


@pytest.mark.django_db(transaction=True)
def test_it_acknowledges_nothing_without_the_database(
    upload, assignment, closed_port, token
):
    kept = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict |= {"HOST": "127.0.0.1", "PORT": closed_port}
    try:
        response = upload(packet(0))
    finally:
        connection.close()
        connection.settings_dict |= kept
    body = response.json()
    assert response.status_code == body["status"] == 503
    assert response["Content-Type"] == "application/problem+json"
    assert int(response["Retry-After"]) > 0
    assert body["code"] == "database_away"
    assert "packets" not in body
    assert not Chunk.objects.exists()
    assert results(upload(packet(0))) == ["stored"]
