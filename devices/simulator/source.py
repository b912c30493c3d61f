"""Where a virtual device's samples come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Adu = NDArray[np.int16]


class SourceError(ValueError):
    """A signal that no device could upload; says what to change."""


@dataclass(frozen=True)
class SignalSource:
    """A signal in ADC units, replayed once or in an endless loop.

    ``adu`` is int16[n, leads]; ``gain`` is in adu per mV and ``baseline`` is the
    adu value at 0 mV. ``flags`` marks the samples for which the device would raise
    a flag of the protocol (``lead_off``, ``noisy``, ``clip``): bool[n] by name.
    """

    adu: Adu
    fs: int
    gain: float
    baseline: int
    leads: tuple[str, ...]
    endless: bool = False
    name: str = ""
    # The device starts here: many devices can share one loop out of step.
    offset: int = 0
    flags: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.adu.ndim != 2 or self.adu.shape[1] != len(self.leads):
            raise SourceError(
                f"The signal has shape {self.adu.shape}, but {len(self.leads)} lead "
                "names: give int16[n, leads]."
            )
        if self.adu.dtype != np.int16 or not len(self.adu):
            raise SourceError("The signal must hold at least one int16 sample.")

    @property
    def length(self) -> int | None:
        """Samples per lead until the signal ends; None when it never ends."""
        return None if self.endless else len(self.adu) - self.offset

    def read(self, first: int, n: int) -> Adu:
        """Return int16[n, leads] from sample ``first`` on; fewer at a finite end."""
        if not self.endless:
            start = self.offset + first
            return np.ascontiguousarray(self.adu[start : start + n])
        return self.adu[self._wrapped(first, n)]

    def flags_of(self, first: int, n: int) -> tuple[str, ...]:
        """Name the flags raised anywhere in ``[first, first + n)``."""
        if not self.flags:
            return ()
        at = self._wrapped(first, n)
        return tuple(name for name, raised in self.flags.items() if raised[at].any())

    def _wrapped(self, first: int, n: int) -> NDArray[np.int64]:
        samples = np.arange(first, first + n, dtype=np.int64) + self.offset
        wrapped: NDArray[np.int64] = samples % len(self.adu)
        return wrapped
