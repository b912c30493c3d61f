"""How much a device may upload: a bucket of seconds of signal, kept in Redis.

It refills ``DEVICE_BUDGET_FACTOR`` times faster than a device can record and
holds ``DEVICE_BUDGET_BURST_S``, so an honest backlog always gets through. With
Redis away every upload is within the budget. Each process lets a device run up a
few seconds before it takes them all from the bucket at once: Redis need not be
asked for every packet.
"""

import math
import threading
from collections import OrderedDict

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
    owed = _tab.take(key) + signal_s
    if owed <= min(_TAB_S, burst * _TAB_PART):
        _tab.put(key, owed)
        return
    # What no bucket could ever hold must still pass a full one.
    cost = min(owed, burst)

    def take(client: Redis) -> float:
        return float(client.eval(_SPEND, 1, key, rate, burst, cost))

    wait_s = redis().attempt(take)
    if wait_s:
        _tab.put(key, owed - signal_s)
        raise BudgetError(math.ceil(wait_s))


# How much a device may owe: seconds, and as a part of the whole bucket.
_TAB_S, _TAB_PART = 10.0, 0.01
_TAB_DEVICES = 20_000


class _Tab:
    """What devices have used in this process and not yet paid, in seconds."""

    def __init__(self) -> None:
        self._owed: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Return what is owed and strike it off."""
        with self._lock:
            return self._owed.pop(key, 0.0)

    def put(self, key: str, owed_s: float) -> None:
        """Add to what is owed; whoever was not heard of for longest is let off."""
        with self._lock:
            self._owed[key] = self._owed.get(key, 0.0) + owed_s
            if len(self._owed) > _TAB_DEVICES:
                self._owed.popitem(last=False)


_tab = _Tab()
