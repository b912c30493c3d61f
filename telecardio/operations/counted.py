"""The counts of every process on every machine, added up in Redis.

A process counts for itself (``devices.metrics`` and its like), and every few seconds
adds what is new to one hash. So any web process can answer for all of them, also for
workers on other machines, and a process that ends takes nothing back. While Redis is
away counts wait in their process.
"""

import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from threading import Lock
from typing import Any

from django.conf import settings
from prometheus_client import REGISTRY, Metric
from redis.exceptions import RedisError

from devices import metrics as of_devices
from devices.redis_pool import redis
from inference import metrics as of_inference
from telecardio.live import metrics as of_live

logger = logging.getLogger(__name__)

# Named here so that every process knows every count, also those it never makes.
COUNTED = (of_devices, of_inference, of_live)
PREFIX = "telecardio_"
# With another meaning or other buckets, sums of the old must not be gone on with.
LAYOUT = 1
KEEP_S = 30 * 24 * 3600
# What a process says of now (viewers) holds for so long; a killed one says no more.
GAUGE_S = 20

_ENDS = ("_total", "_bucket", "_count", "_sum")

Sample = tuple[str, tuple[tuple[str, str], ...]]


class Reporter:
    """Adds to Redis what its process has counted since it last did."""

    def __init__(self) -> None:
        self._told: dict[Sample, float] = {}
        self._lock = Lock()
        self._process = f"{socket.gethostname()}:{os.getpid()}:{time.time_ns():x}"

    def report(self) -> bool:
        """Report; False if Redis is away: what is new waits for the next time."""
        if redis().is_resting:
            return False
        with self._lock:
            counts = dict(_own_samples(gauges=False))
            gauges = dict(_own_samples(gauges=True))
            try:
                self._write(counts, gauges)
            except (RedisError, OSError) as error:
                logger.warning("Counts wait until Redis is back: %s", error)
                return False
            self._told = counts
        return True

    def _write(self, counts: dict[Sample, float], gauges: dict[Sample, float]) -> None:
        # All or nothing, so that nothing is added twice.
        pipeline = redis().client.pipeline(transaction=True)
        for sample, value in counts.items():
            if sample not in self._told or value != self._told[sample]:
                by = value - self._told.get(sample, 0.0)
                pipeline.hincrbyfloat(counts_key(), _field(sample), by)
        for sample, value in gauges.items():
            told = json.dumps([value, time.time()])
            pipeline.hset(gauges_key(), f"{self._process} {_field(sample)}", told)
        pipeline.expire(counts_key(), KEEP_S)
        pipeline.expire(gauges_key(), KEEP_S)
        pipeline.execute()


class SharedCounts:
    """Collects the sums of all processes, in the families that this one knows."""

    def collect(self) -> Iterator[Metric]:
        """Yield every family with its sums; none while Redis is away."""
        try:
            sums = read_sums()
        except (RedisError, OSError):
            return
        for family in REGISTRY.collect():
            if not family.name.startswith(PREFIX):
                continue
            known = {_sample(one.name, one.labels) for one in family.samples}
            names = {family.name, *(family.name + end for end in _ENDS)}
            known |= {sample for sample in sums if sample[0] in names}
            total = Metric(family.name, family.documentation, family.type)
            for name, labels in sorted(known, key=_order):
                if not name.endswith("_created"):
                    value = sums.get((name, labels), 0.0)
                    total.add_sample(name, dict(labels), value)
            yield total


def read_sums() -> dict[Sample, float]:
    """Return the sums of all processes; ``RedisError`` if Redis is away."""
    client: Any = redis().client
    counts, gauges = client.hgetall(counts_key()), client.hgetall(gauges_key())
    sums = {_parsed(field): float(value) for field, value in counts.items()}
    for field, told in gauges.items():
        value, at = json.loads(told)
        if time.time() - at > GAUGE_S:
            client.hdel(gauges_key(), field)
            continue
        sample = _parsed(field.split(b" ", 1)[1])
        sums[sample] = sums.get(sample, 0.0) + value
    return sums


def counts_key() -> str:
    """Return the key of the hash of sums."""
    return f"{settings.REDIS_PREFIX}metrics:{LAYOUT}:counts"


def gauges_key() -> str:
    """Return the key of the hash of what each process says of now."""
    return f"{settings.REDIS_PREFIX}metrics:{LAYOUT}:gauges"


def _own_samples(*, gauges: bool) -> Iterator[tuple[Sample, float]]:
    for family in REGISTRY.collect():
        if family.name.startswith(PREFIX) and (family.type == "gauge") == gauges:
            for one in family.samples:
                if not one.name.endswith("_created"):
                    yield _sample(one.name, one.labels), one.value


def _sample(name: str, labels: dict[str, str]) -> Sample:
    return name, tuple(sorted(labels.items()))


def _field(sample: Sample) -> str:
    name, labels = sample
    return json.dumps([name, dict(labels)], separators=(",", ":"))


def _parsed(field: bytes) -> Sample:
    name, labels = json.loads(field)
    return _sample(name, labels)


def _order(sample: Sample) -> tuple[object, ...]:
    name, labels = sample
    others = tuple(pair for pair in labels if pair[0] != "le")
    return others, name, float(dict(labels).get("le", 0))
