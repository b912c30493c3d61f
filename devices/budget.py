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
from collections.abc import Sequence

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
    (error,) = spend_all([(device_id, signal_s)])
    if error is not None:
        raise error


def spend_all(costs: Sequence[tuple[int, float]]) -> list[BudgetError | None]:
    """Take seconds of signal from the buckets of devices, in one round trip.

    Takes pairs of a device's id and the seconds; returns an error for each device
    that is over its budget.
    """
    errors: list[BudgetError | None] = [None] * len(costs)
    rate, burst = settings.DEVICE_BUDGET_FACTOR, settings.DEVICE_BUDGET_BURST_S
    if not rate:
        return errors
    due: list[tuple[int, str, float]] = []
    for place, (device_id, signal_s) in enumerate(costs):
        key = f"{settings.REDIS_PREFIX}budget:{device_id}"
        owed = _tab.take(key) + signal_s
        if owed <= min(_TAB_S, burst * _TAB_PART):
            _tab.put(key, owed)
        else:
            due.append((place, key, owed))
    if not due:
        return errors

    def take(client: Redis) -> list[bytes]:
        pipeline = client.pipeline(transaction=False)
        for _, key, owed in due:
            # What no bucket could ever hold must still pass a full one.
            pipeline.eval(_SPEND, 1, key, rate, burst, min(owed, burst))
        return pipeline.execute()

    for (place, key, owed), wait in zip(due, redis().attempt(take) or [], strict=False):
        if float(wait):
            _tab.put(key, owed - costs[place][1])
            errors[place] = BudgetError(math.ceil(float(wait)))
    return errors


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
