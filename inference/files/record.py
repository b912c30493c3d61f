"""What a file gives: one continuous recording, or an error that says where."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

MIN_FS, MAX_FS = 100, 1000
MAX_LEADS = 16
# The WFDB convention for "no sample here".
MISSING = np.iinfo(np.int16).min


class FileError(ValueError):
    """A file cannot be read; the message says where, what was found, what to do."""

    def __init__(
        self, message: str, *, row: int | None = None, column: str | None = None
    ) -> None:
        place = "" if row is None else f"Row {row}"
        if column is not None:
            place += f", column {column}"
        super().__init__(f"{place}: {message}" if place else message)
        self.row = row
        self.column = column


@dataclass(frozen=True)
class FileRecord:
    """One continuous recording as it lies in a file.

    ``samples`` is int16[n, leads] in adu, ``MISSING`` where the file says that it
    holds no sample; ``gain`` is in adu per mV and ``baseline`` the adu value at 0 mV,
    for all leads. ``channels`` numbers the leads in a file of which not all were read.
    """

    name: str
    fs: int
    leads: tuple[str, ...]
    gain: float
    baseline: int
    samples: NDArray[np.int16]
    started_at: datetime | None = None
    channels: tuple[int, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.fs

    def channel(self, lead: int) -> int:
        """Return the number of a lead in the file it came from."""
        return self.channels[lead] if self.channels else lead

    def lead_index(self, name: str | None) -> int:
        """Return the column of a lead, of the first one when ``name`` is None."""
        if name is None:
            return 0
        for index, lead in enumerate(self.leads):
            if lead.casefold() == name.strip().casefold():
                return index
        message = f"There is no lead {name!r}; the record has {', '.join(self.leads)}."
        raise FileError(message)

    def signal_mv(self, lead: int, start: int, end: int) -> NDArray[np.float32]:
        """Return ``[start, end)`` of one lead in mV, NaN where no sample is."""
        adu = self.samples[start:end, lead]
        signal = (adu.astype(np.float32) - self.baseline) / np.float32(self.gain)
        signal[adu == MISSING] = np.nan
        return signal


def whole_fs(fs: float, *, source: str) -> int:
    """Return ``fs`` as a whole number of Hz, or refuse it.

    A rate within 0.1 % of a whole number is taken as that number: intervals are then
    wrong by less than 1 ms in a second.
    """
    if not np.isfinite(fs) or not MIN_FS * 0.999 <= fs <= MAX_FS * 1.001:
        message = (
            f"{source} says {fs:g} Hz; the analysis needs {MIN_FS} to {MAX_FS} Hz. "
            "Resample the recording, or give the right fs."
        )
        raise FileError(message)
    whole = round(fs)
    if abs(fs - whole) > 0.001 * whole:
        message = (
            f"{source} says {fs:g} Hz, which is not a whole number. Resample the "
            f"recording to {whole} Hz first."
        )
        raise FileError(message)
    return whole


def lead_names(names: Sequence[str | None]) -> tuple[str, ...]:
    """Return unique names of at most 8 characters; a nameless lead is ECG1, ECG2 …"""
    result: list[str] = []
    for index, name in enumerate(names, start=1):
        plain = "".join(c for c in (name or "").strip() if c.isprintable())[:8]
        if not plain or plain in result:
            plain = f"ECG{index}" if len(names) > 1 else "ECG"
        result.append(plain)
    return tuple(result)


def quoted(text: str, limit: int = 30) -> str:
    """Return ``text`` for a message: quoted, short, on one line."""
    return repr(text if len(text) <= limit else text[:limit] + "…")


def listed(names: Iterable[str], limit: int = 10) -> str:
    """Return names for a message, not more than ``limit`` of them."""
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
