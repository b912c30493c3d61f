"""A device may upload what it can have recorded, and a backlog; not more."""

import pytest

from devices.budget import BudgetError, spend
from devices.models import Chunk
from devices.redis_pool import redis
from tests.devices.conftest import packet


@pytest.fixture(autouse=True)
def budget(settings, redis_client):
    """Give every device a bucket of ten seconds that refills slowly."""
    settings.DEVICE_BUDGET_BURST_S = 10
    settings.DEVICE_BUDGET_FACTOR = 0.5
    yield
    for key in redis_client.scan_iter(f"{settings.REDIS_PREFIX}budget:*"):
        redis_client.delete(key)


def test_it_answers_429_once_the_bucket_is_empty(upload, assignment):
    assert upload(*[packet(seq) for seq in range(8)]).status_code == 200
    response = upload(*[packet(seq) for seq in range(8, 14)])
    body = response.json()
    assert response.status_code == body["status"] == 429
    assert body["code"] == "over_budget"
    assert 1 <= int(response["Retry-After"]) <= 8
    assert Chunk.objects.count() == 8
    assert upload(packet(8)).status_code == 200


def test_it_takes_from_one_device_only(device):
    spend(device_id=900001, signal_s=10)
    with pytest.raises(BudgetError):
        spend(device_id=900001, signal_s=1)
    spend(device_id=900002, signal_s=10)


def test_it_lets_a_full_bucket_pay_for_anything(device):
    spend(device_id=900003, signal_s=1000)
    with pytest.raises(BudgetError) as caught:
        spend(device_id=900003, signal_s=1000)
    assert 19 <= caught.value.retry_after_s <= 20


def test_it_refills_with_time(redis_client, settings):
    spend(device_id=900004, signal_s=10)
    key = f"{settings.REDIS_PREFIX}budget:900004"
    at = float(redis_client.hget(key, "at"))
    redis_client.hset(key, "at", f"{at - 8:.6f}")
    spend(device_id=900004, signal_s=3)
    with pytest.raises(BudgetError):
        spend(device_id=900004, signal_s=3)


def test_it_can_be_turned_off(settings):
    settings.DEVICE_BUDGET_FACTOR = 0
    for _ in range(5):
        spend(device_id=900005, signal_s=10)


def test_it_never_refuses_while_redis_is_away(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    for _ in range(5):
        spend(device_id=900006, signal_s=10)
    assert redis().is_resting


def test_it_asks_redis_once_for_several_small_uploads(settings, redis_client):
    settings.DEVICE_BUDGET_BURST_S = 600
    settings.DEVICE_BUDGET_FACTOR = 0.001
    key = f"{settings.REDIS_PREFIX}budget:900007"
    for _ in range(3):
        spend(device_id=900007, signal_s=2)
    assert not redis_client.exists(key)
    spend(device_id=900007, signal_s=2)
    assert 592 <= float(redis_client.hget(key, "left")) < 592.1


def test_it_owes_what_was_refused_no_more(settings, redis_client):
    settings.DEVICE_BUDGET_BURST_S = 200
    settings.DEVICE_BUDGET_FACTOR = 0.001
    key = f"{settings.REDIS_PREFIX}budget:900008"
    spend(device_id=900008, signal_s=195)
    spend(device_id=900008, signal_s=2)
    with pytest.raises(BudgetError):
        spend(device_id=900008, signal_s=100)
    redis_client.delete(key)
    spend(device_id=900008, signal_s=3)
    assert float(redis_client.hget(key, "left")) == pytest.approx(195, abs=0.1)
