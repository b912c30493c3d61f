"""Asking for work is coalesced, and no request is lost."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from devices.redis_pool import redis
from inference.asking import ask, begin


@pytest.fixture
def waiting() -> Iterator[object]:
    """Give a count of the tasks that wait in the live queue; leave it empty."""
    key = f"{settings.REDIS_PREFIX}celery:live"
    client = redis().client
    begin("live")
    client.delete(key)
    yield lambda: client.llen(key)
    client.delete(key)
    begin("live")


def test_it_publishes_one_task_however_often_it_is_asked(waiting: object) -> None:
    assert [ask("live") for _ in range(3)] == [True, False, False]
    assert waiting() == 1


def test_it_publishes_again_once_the_task_looks_for_work(waiting: object) -> None:
    ask("live")
    begin("live")
    # A chunk stored from here on may be overlooked by the task that has begun.
    assert ask("live")
    assert waiting() == 2
