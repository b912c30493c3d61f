"""The state carried with a record, and its bytes in a checkpoint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from inference.ecg.af import IRREGULARITY, start_irregularity
from inference.ecg.atrial import ATRIAL
from inference.ecg.episodes import EPISODES, open_episodes, start_episodes
from inference.ecg.front import FRONT, start_front
from inference.ecg.grid import check_fs

RECORD = np.dtype(
    [
        ("fs", "i8"),
        # The record's sample at which this state began; all others count from there.
        ("origin", "i8"),
        ("sample", "i8"),
        ("front", FRONT),
        ("atrial", ATRIAL),
        ("irregularity", IRREGULARITY),
        ("episodes", EPISODES),
    ],
    align=True,
)


def _layout(dtype: np.dtype[Any]) -> str:
    """Return where every field lies: what is written by another layout is not ours."""
    if dtype.fields is None:
        base = "" if dtype.base == dtype else _layout(dtype.base)
        return f"{dtype.str}{dtype.shape}{base}"
    inner = (f"{n}@{at}:{_layout(part)}" for n, (part, at, *_) in dtype.fields.items())
    return "{" + ",".join(inner) + "}"


MAGIC = b"tc-ecg-" + hashlib.sha256(_layout(RECORD).encode()).digest()[:9]


class BadState(ValueError):
    """Raised for bytes that are not a state of this version of the analysis."""


@dataclass(frozen=True, eq=False)
class RecordState:
    """Everything that the analysis of a record remembers; treat it as a value.

    ``data`` [1] is a structured array (RECORD), which compiled code moves on in place.
    """

    data: NDArray[np.void]

    @property
    def fs(self) -> int:
        """Return the sampling frequency of the record in Hz."""
        return int(self.data["fs"][0])

    @property
    def sample(self) -> int:
        """Return the record's next input sample, a whole number of blocks from 0."""
        return self.origin + int(self.data["sample"][0])

    @property
    def origin(self) -> int:
        """Return the record's sample at which it began to remember."""
        return int(self.data["origin"][0])

    def open_episodes(self) -> set[tuple[str, int]]:
        """Return (label, onset_sample) of the episodes that are open."""
        found = open_episodes(self.data["episodes"][0])
        return {(label, self.origin + onset) for label, onset in found}

    def copy(self) -> Self:
        """Return a state that can be moved on without touching this one."""
        # Bytes, because numpy copies nested fields one by one.
        return type(self)(_from_bytes(self.data.tobytes()))

    def to_bytes(self) -> bytes:
        """Return the state as bytes; equal states give equal bytes.

        A mark of the layout comes first, so that another version's bytes are refused.
        """
        return MAGIC + self.data.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the state that ``to_bytes`` wrote, or raise ``BadState``."""
        if data[: len(MAGIC)] != MAGIC:
            raise BadState("analysis state of another version: analyse from the start")
        if len(data) != len(MAGIC) + RECORD.itemsize:
            raise BadState("analysis state is cut short: analyse from the start")
        return cls(_from_bytes(data[len(MAGIC) :]))


def _from_bytes(data: bytes) -> NDArray[np.void]:
    return np.frombuffer(bytearray(data), RECORD)


def initial_state(*, fs: int, origin: int = 0) -> RecordState:
    """Return the state of a record sampled at ``fs`` Hz that remembers nothing.

    Its next sample is ``origin``, a whole number of blocks: what lies before counts as
    if it had never been. ``UnsupportedRate`` is raised unless ``fs`` is an integer of
    100 to 1000.
    """
    data = np.zeros(1, RECORD)
    data["fs"] = check_fs(fs)
    data["origin"] = origin
    start_front(data[0]["front"], fs)
    start_irregularity(data[0]["irregularity"])
    start_episodes(data[0]["episodes"])
    return RecordState(data)
