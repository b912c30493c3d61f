"""Ask for work through Redis: coalesced, and never a reason to fail or to wait."""

import functools
import logging
import time
from typing import Any

from celery import current_app
from django.conf import settings
from kombu.exceptions import KombuError
from kombu.messaging import Producer
from kombu.pools import producers
from redis.exceptions import RedisError

from devices.redis_pool import redis

log = logging.getLogger(__name__)

# A request that no worker has begun to serve ends after this, and may be repeated.
ASKED_S = 10
# A broker that failed is left alone for so long.
REST_S = 5.0
TASKS = {
    "live": "inference.tasks.analyse_live",
    "backfill": "inference.tasks.analyse_backfill",
    "mail": "inference.tasks.send_mails",
    "compact": "inference.tasks.compact",
    "history": "inference.tasks.remove_history",
}
# Where a task waits, if not in the queue of its own name.
QUEUES = {"compact": "backfill", "history": "backfill"}


def live_queue(record: int) -> str:
    """Return the queue in which a record's live samples are served (its shard)."""
    return queue_of_shard(record % settings.LIVE_SHARDS)


def queue_of_shard(shard: int) -> str:
    """Return the live queue of a shard: ``live``, ``live.1`` and so on."""
    return f"live.{shard}" if shard else "live"


def ask(queue: str) -> bool:
    """Publish the queue's task unless one waits already; False: not published.

    The task, which is told that it was ``asked``, calls ``begin`` before it looks at
    the database, so what was committed before this call is seen either by the waiting
    task or by a new one. A sweep does not: the task that waits would get company each
    time. With Redis away nothing is published, and the sweep finds the work.
    """
    if time.monotonic() < _Broker.rests_until:
        return False
    first = redis().attempt(
        lambda client: client.set(_key(queue), b"1", nx=True, ex=ASKED_S)
    )
    return bool(first) and _publish(queue)


def begin(queue: str) -> None:
    """Let the next ``ask`` publish again: this task now looks for work."""
    redis().attempt(lambda client: client.delete(_key(queue)))


def _key(queue: str) -> str:
    return f"{settings.REDIS_PREFIX}asked:{queue}"


class _Broker:
    """How the broker did lately, in this process."""

    rests_until = 0.0


def _publish(queue: str) -> bool:
    try:
        with _pool().acquire(block=True, timeout=settings.REDIS_TIMEOUT_S) as producer:
            _send(producer, queue)
    except (KombuError, RedisError, OSError) as error:
        _Broker.rests_until = time.monotonic() + REST_S
        log.warning("Work for %s is left to the sweep: %s", queue, error)
        return False
    return True


def _send(producer: Producer, queue: str) -> None:
    name, _, shard = queue.partition(".")
    current_app.send_task(
        TASKS[name],
        kwargs={"asked": True, **({"shard": int(shard)} if shard else {})},
        queue=QUEUES.get(queue, queue),
        producer=producer,
        expires=ASKED_S,
        retry=False,
    )


@functools.cache
def _pool() -> Any:
    """Return this process's producers, which fail at once instead of trying again.

    The application's own connection waits for a broker that is away, as a worker
    must; an upload must not.
    """
    connection = current_app.connection_for_write()
    connection.transport_options = {
        **connection.transport_options,
        "max_retries": 0,
        "socket_timeout": settings.REDIS_TIMEOUT_S,
        "socket_connect_timeout": settings.REDIS_TIMEOUT_S,
    }
    return producers[connection]
