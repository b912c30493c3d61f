"""The fields of an entry in a patient's live stream. Values are bytes or text."""

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Fields = dict[str, bytes | str | int | float]


@dataclass(frozen=True, slots=True)
class SignalEntry:
    """One packet of signal; ``data`` is little-endian int16, interleaved."""

    record: int
    seq: int
    first_sample: int
    fs: int
    leads: int
    gain: float
    baseline: int
    at_ms: int
    received_at_ms: int
    data: bytes


@dataclass(frozen=True, slots=True)
class BeatsEntry:
    """Labelled beats; all arrays have the length n and are ordered by sample.

    ``samples`` int64[n] in the record, ``at_ms`` int64[n] epoch, ``classes``
    uint8[n] index of the AAMI class, ``probabilities`` uint8[n] of that class,
    0..255. ``heart_rate_bpm`` is NaN if unknown.
    """

    record: int
    fs: int
    samples: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    classes: NDArray[np.uint8]
    probabilities: NDArray[np.uint8]
    heart_rate_bpm: float


@dataclass(frozen=True, slots=True)
class StateEntry:
    """What holds now: open alarms, quality and rhythm words (a JSON object)."""

    state: dict[str, Any]


Entry = SignalEntry | BeatsEntry | StateEntry


# record, seq, first_sample, fs, leads, gain, baseline, at_ms, received_at_ms; the
# samples follow in a field of their own. One field of numbers instead of nine: packing
# and parsing them took Redis clients longer than sending them.
_SIGNAL = struct.Struct("<qqqIIdqqq")


def pack(entry: Entry) -> Fields:
    """Return the fields of an entry, as XADD takes them."""
    if isinstance(entry, SignalEntry):
        head = _SIGNAL.pack(
            entry.record,
            entry.seq,
            entry.first_sample,
            entry.fs,
            entry.leads,
            entry.gain,
            entry.baseline,
            entry.at_ms,
            entry.received_at_ms,
        )
        return {"kind": "signal", "head": head, "data": entry.data}
    if isinstance(entry, BeatsEntry):
        known = math.isfinite(entry.heart_rate_bpm)
        return {
            "kind": "beats",
            "record": entry.record,
            "fs": entry.fs,
            "samples": entry.samples.astype("<i8").tobytes(),
            "at_ms": entry.at_ms.astype("<i8").tobytes(),
            "classes": entry.classes.astype("u1").tobytes(),
            "probabilities": entry.probabilities.astype("u1").tobytes(),
            "heart_rate": repr(float(entry.heart_rate_bpm)) if known else "",
        }
    return {"kind": "state", "state": json.dumps(entry.state, allow_nan=False)}


def unpack(fields: dict[bytes, bytes]) -> Entry:
    """Return the entry of what Redis gave back.

    Raises ``ValueError`` for what is not understood (entries of another version live
    for two minutes) and ``KeyError`` for a missing field.
    """
    kind = fields[b"kind"]
    if kind == b"signal":
        head = fields[b"head"]
        if len(head) != _SIGNAL.size:
            message = f"A signal entry has a head of {len(head)} bytes."
            raise ValueError(message)
        return SignalEntry(*(*_SIGNAL.unpack(head), fields[b"data"]))
    if kind == b"beats":
        return BeatsEntry(
            record=int(fields[b"record"]),
            fs=int(fields[b"fs"]),
            samples=np.frombuffer(fields[b"samples"], "<i8"),
            at_ms=np.frombuffer(fields[b"at_ms"], "<i8"),
            classes=np.frombuffer(fields[b"classes"], "u1"),
            probabilities=np.frombuffer(fields[b"probabilities"], "u1"),
            heart_rate_bpm=float(fields[b"heart_rate"] or "nan"),
        )
    if kind == b"state":
        return StateEntry(json.loads(fields[b"state"]))
    message = f"A live entry of kind {kind!r} is not known."
    raise ValueError(message)
