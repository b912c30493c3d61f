"""The state carried with a record, and its bytes in a checkpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Self

import numpy as np

from inference.ecg.episodes import EpisodeState
from inference.ecg.front import FrontState
from inference.ecg.grid import check_fs
from inference.ecg.resampling import initial_resampling

MAGIC = b"tc-ecg-1\n"


class BadState(ValueError):
    """Raised for bytes that are not a state of this version of the analysis."""


@dataclass
class RecordState:
    """Everything that the analysis of a record remembers; treat it as a value.

    ``sample`` is the next input sample, a whole number of blocks.
    """

    fs: int
    sample: int = 0
    front: FrontState = field(default_factory=FrontState)
    episodes: EpisodeState = field(default_factory=EpisodeState)

    def copy(self) -> Self:
        """Return a state that can be moved on without touching this one."""
        return type(self).from_bytes(self.to_bytes())  # thrice as fast as deepcopy

    def to_bytes(self) -> bytes:
        """Return the state as bytes; equal states give equal bytes."""
        arrays: list[bytes] = []
        head = json.dumps(_pack(self, arrays), separators=(",", ":")).encode()
        return b"".join((MAGIC, len(head).to_bytes(4, "little"), head, *arrays))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the state that ``to_bytes`` wrote, or raise ``BadState``."""
        start = len(MAGIC) + 4
        if data[: len(MAGIC)] != MAGIC or len(data) < start:
            raise BadState("analysis state of another version: analyse from the start")
        stop = start + int.from_bytes(data[len(MAGIC) : start], "little")
        state = cls(fs=0)
        try:
            end = _unpack(state, json.loads(data[start:stop]), data, stop)
        except (TypeError, ValueError) as error:
            raise BadState(
                "analysis state is damaged: analyse from the start"
            ) from error
        if end != len(data):
            raise BadState("analysis state is cut short: analyse from the start")
        return state


def initial_state(*, fs: int) -> RecordState:
    """Return the state before sample 0 of a record sampled at ``fs`` Hz."""
    state = RecordState(fs=check_fs(fs))
    state.front.resampling = initial_resampling(fs)
    return state


def _pack(value: Any, arrays: list[bytes]) -> list[Any]:
    """Return the fields of a dataclass as JSON; arrays go to ``arrays``."""
    row: list[Any] = []
    for item in fields(value):
        part = getattr(value, item.name)
        if is_dataclass(part):
            row.append(_pack(part, arrays))
        elif isinstance(part, np.ndarray):
            arrays.append(np.ascontiguousarray(part).tobytes())
            row.append(list(part.shape))
        else:
            row.append(part)
    return row


def _unpack(value: Any, row: list[Any], data: bytes, at: int) -> int:
    """Fill a dataclass from ``_pack``'s row and return where its arrays end."""
    for item, part in zip(fields(value), row, strict=True):
        blank = getattr(value, item.name)
        if is_dataclass(blank):
            at = _unpack(blank, part, data, at)
        elif isinstance(blank, np.ndarray):
            count = int(np.prod(part))
            array = np.frombuffer(data, blank.dtype, count, at)
            setattr(value, item.name, array.reshape(part).copy())
            at += count * blank.itemsize
        else:
            setattr(value, item.name, part)
    return at
