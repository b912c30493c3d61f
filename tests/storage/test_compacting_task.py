"""The task that compacts: in turns with others, and on until nothing is left."""

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings

from devices.redis_pool import redis
from inference import tasks
from inference.asking import begin

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting() -> Iterator[Callable[[], int]]:
    """Count the tasks that wait in the backfill queue; leave it empty."""
    key = f"{settings.REDIS_PREFIX}celery:backfill"
    begin("compact")
    redis().client.delete(key)
    yield lambda: redis().client.llen(key)
    redis().client.delete(key)
    begin("compact")


def test_it_asks_for_another_turn_when_its_time_is_over(
    waiting: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "COMPACT_MOST_S", 0.0)
    tasks.compact()
    assert waiting() == 1


def test_it_asks_for_nothing_when_nothing_is_left(waiting: Callable[[], int]) -> None:
    tasks.compact()
    assert waiting() == 0
