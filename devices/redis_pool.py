"""One Redis connection pool per process, and a breaker for when Redis is away.

Redis only carries: nothing here may fail an upload or hold it up. After a
failure Redis is left alone for a few seconds instead of costing every request
a timeout.
"""

import functools
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from devices.metrics import SERVER_AWAY

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class Breaker:
    """Run commands while Redis answers; skip them for ``rest_s`` after a failure."""

    def __init__(self, url: str, *, rest_s: float = 5.0) -> None:
        self.client = connect(url)
        self.rest_s = rest_s
        self._rests_until = 0.0

    @property
    def is_resting(self) -> bool:
        """Tell whether Redis failed a moment ago."""
        return time.monotonic() < self._rests_until

    def attempt(self, command: Callable[[Redis], Answer]) -> Answer | None:
        """Return what ``command`` gets from Redis, or None if Redis is away."""
        if self.is_resting:
            SERVER_AWAY.labels("redis").inc()
            return None
        try:
            return command(self.client)
        except (RedisError, OSError) as error:
            self._rests_until = time.monotonic() + self.rest_s
            SERVER_AWAY.labels("redis").inc()
            # The error may hold the address, never the password.
            logger.warning("Redis is away, going on without it: %s", error)
            return None


def connect(url: str) -> Redis:
    """Return a client with short timeouts.

    A pooled connection that died while idle is replaced once, at once; a Redis
    that does not answer is not asked again.
    """
    return Redis.from_url(
        url,
        socket_timeout=settings.REDIS_TIMEOUT_S,
        socket_connect_timeout=settings.REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )


@functools.lru_cache(maxsize=4)
def _breaker(url: str) -> Breaker:
    return Breaker(url)


def redis() -> Breaker:
    """Return this process's breaker for ``settings.REDIS_URL``."""
    return _breaker(settings.REDIS_URL)
