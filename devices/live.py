"""Write to a patient's live stream: the feed and ring buffer of the live pages.

One Redis Stream per patient under a random key. It keeps about 60 s and is gone
after 120 s of silence. Losing an entry loses nothing: PostgreSQL has it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from devices.live_entries import (
    BeatsEntry,
    Entry,
    SignalEntry,
    StateEntry,
    pack,
    unpack,
)
from devices.live_writer import EXPIRE_S, KEEP_S, append, write

__all__ = [
    "EXPIRE_S",
    "KEEP_S",
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
    return write(
        [
            (live_stream_key(live_key), [pack(entry) for entry in entries])
            for live_key, entries in streams.items()
        ]
    )


def _append(live_key: str, entries: Sequence[Entry]) -> bool:
    return append(live_stream_key(live_key), [pack(entry) for entry in entries])
