"""Ask for work through Redis: coalesced, and never a reason to fail or to wait."""

import logging

from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from devices.redis_pool import redis

log = logging.getLogger(__name__)

# A request that no worker has begun to serve is repeated after this.
ASKED_MS = 2000
TASKS = {
    "live": "inference.tasks.analyse_live",
    "backfill": "inference.tasks.analyse_backfill",
    "mail": "inference.tasks.send_mails",
}


def _key(queue: str) -> str:
    return f"{settings.REDIS_PREFIX}asked:{queue}"


def ask(queue: str) -> bool:
    """Publish the queue's task unless one waits already; False: not published.

    The task calls ``begin`` before it looks at the database, so what was committed
    before this call is seen either by the waiting task or by a new one. With Redis
    away nothing is published, and the sweep finds the work.
    """
    first = redis().attempt(
        lambda client: client.set(_key(queue), b"1", nx=True, px=ASKED_MS)
    )
    if not first:
        return False
    try:
        current_app.send_task(TASKS[queue], queue=queue, expires=30, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("Work for %s is left to the sweep: %s", queue, error)
        return False
    return True


def begin(queue: str) -> None:
    """Let the next ``ask`` publish again: this task now looks for work."""
    redis().attempt(lambda client: client.delete(_key(queue)))
