"""How much a device may upload: a bucket of seconds of signal, kept in Redis.

It refills ``DEVICE_BUDGET_FACTOR`` times faster than a device can record and
holds ``DEVICE_BUDGET_BURST_S``, so an honest backlog always gets through. With
Redis away every upload is within the budget.
"""

import math

from django.conf import settings
from redis import Redis

from devices.redis_pool import redis

# One step, so that two processes cannot spend the same seconds. The clock is
# Redis's own: the processes need not agree on the time.
_SPEND = """
local rate, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = tonumber(kept[1]) or burst
left = math.min(burst, left + math.max(0, now - (tonumber(kept[2]) or now)) * rate)
local wait = 0
if left < cost then wait = (cost - left) / rate else left = left - cost end
redis.call('HSET', KEYS[1], 'left', string.format('%.3f', left),
           'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 1)
return string.format('%.3f', wait)
"""


class BudgetError(ValueError):
    """The device sends more than it can have recorded: wait, then send again."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Over the budget; send again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


def spend(*, device_id: int, signal_s: float) -> None:
    """Take seconds of signal from the device's bucket, or raise BudgetError."""
    rate, burst = settings.DEVICE_BUDGET_FACTOR, settings.DEVICE_BUDGET_BURST_S
    if not rate:
        return
    key = f"{settings.REDIS_PREFIX}budget:{device_id}"
    # What no bucket could ever hold must still pass a full one.
    cost = min(signal_s, burst)

    def take(client: Redis) -> float:
        return float(client.eval(_SPEND, 1, key, rate, burst, cost))

    wait_s = redis().attempt(take)
    if wait_s:
        raise BudgetError(math.ceil(wait_s))
