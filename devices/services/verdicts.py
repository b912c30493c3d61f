"""What became of each packet of an upload."""

from dataclasses import dataclass
from enum import StrEnum

from devices.gaps import SeqGaps
from devices.models import Device, Record

# A reply names at most this many gaps, the lowest first.
MISSING_IN_REPLY = 32


class Result(StrEnum):
    """One word per packet, as the device reads it."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    INVALID = "invalid"
    NO_PATIENT = "no_patient"
    STREAM_CHANGED = "stream_changed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one packet; error, field and reason only if it is invalid."""

    seq: int | None
    result: Result
    error: str = ""
    field: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StoreResult:
    """The verdicts in the order of the packets, and how far the stream is stored.

    ``device`` is as it was found.
    """

    verdicts: tuple[Verdict, ...] = ()
    record: Record | None = None
    next_seq: int = 0
    missing: tuple[tuple[int, int], ...] = ()
    device: Device | None = None

    @classmethod
    def of(
        cls, record: Record | None, verdicts: tuple[Verdict, ...], device: Device
    ) -> "StoreResult":
        """Return what is told of an upload to ``record``, as that is now."""
        if record is None:
            return cls(verdicts, device=device)
        missing = SeqGaps(record.next_seq, record.gaps).first(MISSING_IN_REPLY)
        return cls(verdicts, record, record.next_seq, tuple(missing), device)
