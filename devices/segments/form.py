"""What is constant in a record, as every segment of it repeats."""

import json
from dataclasses import dataclass

from devices.segments.errors import reading


@dataclass(frozen=True)
class Form:
    """Which record, and what its samples mean.

    ``no_sample``: the lowest int16 says that a lead has no sample there (files).
    """

    record: int
    fs: int
    leads: tuple[str, ...]
    gain: float
    baseline: int
    no_sample: bool = False

    def to_bytes(self) -> bytes:
        """Return the form as JSON; a float is written so that it reads back exactly."""
        return json.dumps(vars(self), separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Form":
        """Return the form that ``to_bytes`` wrote, or raise ``DamagedSegment``."""
        with reading("form"):
            fields = json.loads(data)
            return cls(**fields | {"leads": tuple(fields["leads"])})
