"""Asking for work is coalesced, and no request is lost."""

import os
import time
from collections.abc import Iterator

import pytest
from django.conf import settings

from devices.redis_pool import redis
from inference.asking import ask, begin
from inference.asking_soon import ask_soon
from inference.tasks import analyse_live


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


@pytest.mark.django_db
def test_sweeps_do_not_let_the_queue_grow(waiting: object) -> None:
    for _ in range(3):
        ask("live")
        analyse_live()
    assert waiting() == 1
    analyse_live(asked=True)
    assert ask("live")


def test_it_asks_beside_the_request_and_once_for_many(waiting: object) -> None:
    for _ in range(50):
        ask_soon("live")
    wait_for(waiting, 1)


def test_it_asks_from_a_forked_process_too(waiting: object) -> None:
    ask_soon("live")
    wait_for(waiting, 1)
    begin("live")
    child = os.fork()
    if not child:
        ask_soon("live")
        time.sleep(1)
        os._exit(0)
    os.waitpid(child, 0)
    assert waiting() == 2


def wait_for(waiting: object, count: int) -> None:
    """Wait until so many tasks wait, for five seconds at most."""
    deadline = time.monotonic() + 5
    while waiting() < count and time.monotonic() < deadline:
        time.sleep(0.01)
    assert waiting() == count
