"""Write to a patient's live stream: the feed and ring buffer of the live pages.

One Redis Stream per patient under a random key. It keeps about 60 s and is gone
after 120 s of silence. Losing an entry loses nothing: PostgreSQL has it.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from redis import Redis

from devices.live_entries import (
    BeatsEntry,
    Entry,
    SignalEntry,
    StateEntry,
    pack,
    unpack,
)
from devices.redis_pool import redis

__all__ = [
    "BeatsEntry",
    "Entry",
    "SignalEntry",
    "StateEntry",
    "append_beats",
    "append_entries",
    "append_signal",
    "append_state",
    "live_stream_key",
    "unpack",
]

KEEP_S = 60
EXPIRE_S = 120


def live_stream_key(live_key: str) -> str:
    """Return the Redis key of the stream of the patient with this ``live_key``."""
    return f"{settings.REDIS_PREFIX}live:{live_key}"


def append_signal(*, live_key: str, entries: Sequence[SignalEntry]) -> bool:
    """Append packets, oldest first; False if Redis is away."""
    return _append(live_key, entries)


def append_beats(
    *,
    live_key: str,
    record: int,
    fs: int,
    samples: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    classes: NDArray[np.uint8],
    probabilities: NDArray[np.uint8],
    heart_rate_bpm: float,
) -> bool:
    """Append labelled beats (see :class:`BeatsEntry`); False if Redis is away."""
    entry = BeatsEntry(
        record, fs, samples, at_ms, classes, probabilities, heart_rate_bpm
    )
    return _append(live_key, [entry])


def append_state(*, live_key: str, state: dict[str, Any]) -> bool:
    """Append what holds now (a JSON object); False if Redis is away."""
    return _append(live_key, [StateEntry(state)])


def append_entries(streams: Mapping[str, Sequence[Entry]]) -> bool:
    """Append to many streams, by ``live_key``, at once; False if Redis is away."""
    # An approximate trim drops whole nodes only, which is cheap.
    trim = ("MINID", "~", f"{int((time.time() - KEEP_S) * 1000)}-0", "*")
    packed = {
        live_stream_key(live_key): [
            [part for pair in pack(entry).items() for part in pair] for entry in entries
        ]
        for live_key, entries in streams.items()
    }

    def write(client: Redis) -> bool:
        pipeline = client.pipeline(transaction=False)
        for key, entries in packed.items():
            for fields in entries:
                pipeline.execute_command("XADD", key, *trim, *fields)  # type: ignore[no-untyped-call]
            pipeline.expire(key, EXPIRE_S)
        pipeline.execute()
        return True

    return redis().attempt(write) is True


def _append(live_key: str, entries: Sequence[Entry]) -> bool:
    return append_entries({live_key: entries})
