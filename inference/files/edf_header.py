"""EDF headers: what a file holds, checked before its signals are read.

Kemp and Olivan, Clin Neurophysiol 114:1755 (2003); the specification: edfplus.info.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import IO

from inference.files.record import MAX_LEADS, FileError, listed, quoted

ANNOTATIONS = "EDF Annotations"
_MV = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "nv": 1e-6, "v": 1e3}
_FIXED_BYTES, _SIGNAL_BYTES = 256, 256
_MAX_SIGNALS = 4096
_MAX_RECORD_BYTES = 1 << 26
_ECG = re.compile(r"\b(ecg|ekg)|^ml?cl?(i{1,3}|\d)$", re.IGNORECASE)
_LEAD = re.compile(r"(i|ii|iii|av[rlf]|v[1-9]r?)([- ].*)?", re.IGNORECASE)
_PREFIX = re.compile(r"^(ecg|ekg)[\s_:-]+(?=\S)", re.IGNORECASE)
_NO_ECG = re.compile(r"eeg|eog|emg|erg|resp|temp|eda|gsr|sound|light", re.IGNORECASE)
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT"]
_MONTHS += ["NOV", "DEC"]


@dataclass(frozen=True)
class EdfSignal:
    """One signal: where it lies in a data record, and mV = (adu - zero) * mv_per_adu.

    ``offset`` and ``size`` count samples of two bytes.
    """

    channel: int
    label: str
    offset: int
    size: int
    mv_per_adu: float
    zero: float

    @property
    def lead(self) -> str:
        """Return the name of the lead without the kind of signal before it."""
        return _PREFIX.sub("", self.label)


@dataclass(frozen=True)
class EdfHeader:
    """What the header says; a data record holds ``record_size`` samples."""

    records: int
    record_s: float
    record_size: int
    first_byte: int
    leads: tuple[EdfSignal, ...]
    # Offset and size of the annotations in a data record, which say when it begins.
    annotations: tuple[int, int] | None
    continuous: bool
    started_at: datetime | None

    def fs(self, signal: EdfSignal) -> float:
        """Return the sampling frequency of a signal in Hz."""
        return signal.size / self.record_s


def read_header(file: IO[bytes]) -> EdfHeader:
    """Read and check the header of an EDF or EDF+ file.

    Times of day in a header have no zone; they are taken as UTC.
    """
    fixed = file.read(_FIXED_BYTES)
    if fixed[:8] == b"\xffBIOSEMI":
        message = "This is a BDF file, which has 24 bits. Export it as EDF+ first."
        raise FileError(message)
    if len(fixed) < _FIXED_BYTES or fixed[:8].strip() != b"0":
        message = "This is no EDF file: it does not begin with an EDF header."
        raise FileError(message)
    fields = _Fields(fixed)
    recording, day, clock = (
        fields.text(88, 80),
        fields.text(168, 8),
        fields.text(176, 8),
    )
    first_byte = fields.whole(184, 8, "the size of the header")
    reserved = fields.text(192, 44)
    records = fields.whole(236, 8, "the number of data records")
    record_s = fields.number(244, 8, "the duration of a data record")
    count = fields.whole(252, 4, "the number of signals")
    if not 1 <= count <= _MAX_SIGNALS or first_byte < _FIXED_BYTES * (count + 1):
        message = f"The EDF header promises {count} signals in {first_byte} bytes."
        raise FileError(f"{message} The file is damaged: copy it again.")
    rest = file.read(_SIGNAL_BYTES * count)
    if len(rest) < _SIGNAL_BYTES * count:
        raise FileError("The EDF header is cut off. Copy the file again.")
    table = _Table(rest, count)
    sizes = [table.size(channel) for channel in range(count)]
    offsets = [0, *accumulate(sizes)]
    if not 0 < offsets[-1] <= _MAX_RECORD_BYTES // 2:
        message = f"A data record of {offsets[-1]} samples cannot be read."
        raise FileError(f"{message} The file is damaged: copy it again.")
    if not record_s > 0:
        message = "The EDF file has data records of 0 s: it holds no signal."
        raise FileError(message)
    said = [k for k, label in enumerate(table.labels) if label == ANNOTATIONS]
    return EdfHeader(
        records=_records(file, records, first_byte, offsets[-1] * 2),
        record_s=record_s,
        record_size=offsets[-1],
        first_byte=first_byte,
        leads=tuple(_leads(table, offsets, sizes)),
        annotations=(offsets[said[0]], sizes[said[0]]) if said else None,
        continuous=not reserved.startswith("EDF+D"),
        started_at=_started_at(recording, day, clock),
    )


class _Fields:
    """Fixed places of text in bytes; ``place`` names them in messages."""

    def __init__(self, data: bytes, place: str = "The EDF header") -> None:
        self.data, self.place = data, place

    def text(self, start: int, size: int) -> str:
        # ASCII by the specification; µ is common all the same.
        return self.data[start : start + size].decode("latin-1").strip("\0 ")

    def number(self, start: int, size: int, what: str) -> float:
        text = self.text(start, size)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            message = (
                f"{self.place} says {quoted(text)} for {what}, which is no number."
            )
            raise FileError(f"{message} The file is damaged: copy it again.")
        return value

    def whole(self, start: int, size: int, what: str) -> int:
        return int(self.number(start, size, what))


class _Table:
    """The fields of the signals: first all labels, then all transducers, …"""

    def __init__(self, data: bytes, count: int) -> None:
        self._fields, self._count = _Fields(data), count
        self.labels = [self._text(0, 16, k) for k in range(count)]
        self.units = [self._text(96, 8, k) for k in range(count)]

    def _text(self, start: int, size: int, channel: int) -> str:
        return self._fields.text(start * self._count + size * channel, size)

    def _number(self, start: int, channel: int, what: str) -> float:
        of = f"{what} of {quoted(self.labels[channel])}"
        return self._fields.number(start * self._count + 8 * channel, 8, of)

    def size(self, channel: int) -> int:
        """Return the samples of a signal in a data record."""
        size = self._number(216, channel, "the samples in a data record")
        if size < 0 or size != int(size):
            message = (
                f"{quoted(self.labels[channel])} has {size:g} samples in a record."
            )
            raise FileError(f"{message} The file is damaged: copy it again.")
        return int(size)

    def scale(self, channel: int) -> tuple[float, float]:
        """Return mV per adu, and the adu value of 0 mV."""
        names = ("physical minimum", "physical maximum")
        low, high = (self._number(104 + 8 * k, channel, n) for k, n in enumerate(names))
        names = ("digital minimum", "digital maximum")
        least, most = (
            self._number(120 + 8 * k, channel, n) for k, n in enumerate(names)
        )
        if low == high or least >= most:
            message = (
                f"The signal {quoted(self.labels[channel])} says that {least:g} to "
                f"{most:g} are {low:g} to {high:g} {self.units[channel]}, which gives "
                "no scale. Export it again."
            )
            raise FileError(message)
        per_adu = (high - low) / (most - least)
        return per_adu * _MV[self.units[channel].casefold()], least - low / per_adu


def _leads(table: _Table, offsets: list[int], sizes: list[int]) -> list[EdfSignal]:
    """Return the ECG signals: those called so, else all in mV that are no other."""
    known = [
        k
        for k, unit in enumerate(table.units)
        if unit.casefold() in _MV and sizes[k] and table.labels[k] != ANNOTATIONS
    ]
    chosen = [k for k in known if _is_ecg(table.labels[k])]
    chosen = chosen or [k for k in known if not _NO_ECG.search(table.labels[k])]
    if not chosen:
        signals = (
            f"{quoted(label)} in {quoted(unit)}"
            for label, unit in zip(table.labels, table.units, strict=True)
            if label != ANNOTATIONS
        )
        message = (
            f"The EDF file names no ECG signal in mV or uV, only {listed(signals)}. "
            "Choose a file with an ECG lead, or export it with its unit."
        )
        raise FileError(message)
    return [
        EdfSignal(k, table.labels[k], offsets[k], sizes[k], *table.scale(k))
        for k in chosen[:MAX_LEADS]
    ]


def _is_ecg(label: str) -> bool:
    return bool(_ECG.search(label) or _LEAD.fullmatch(label))


def _records(file: IO[bytes], promised: int, first_byte: int, size: int) -> int:
    """Return how many data records there are; -1 promises none."""
    found = file.seek(0, 2) - first_byte
    if promised >= 0 and found < promised * size:
        message = (
            f"The EDF file holds {max(found, 0) // size:,} of the {promised:,} data "
            "records that its header promises: it is cut off. Copy it again."
        )
        raise FileError(message)
    records = found // size if promised < 0 else promised
    if records <= 0:
        raise FileError("The EDF file holds no samples.")
    return records


def _started_at(recording: str, day: str, clock: str) -> datetime | None:
    """Return the start; None for a date that is not told, or was made anonymous."""
    date = re.fullmatch(r"(\d\d)\.(\d\d)\.(\d\d)", day)
    time = re.fullmatch(r"(\d\d)[.:](\d\d)[.:](\d\d)", clock)
    if date is None or time is None:
        return None
    days, month, year = map(int, date.groups())
    year += 1900 if year >= 85 else 2000
    # EDF+ writes the year in full, and the clipping of 1985 ends in 2084.
    full = re.match(r"Startdate (\d\d)-([A-Z]{3})-(\d{4})", recording)
    if full and full[2] in _MONTHS:
        days, month, year = int(full[1]), _MONTHS.index(full[2]) + 1, int(full[3])
    hour, minute, second = map(int, time.groups())
    try:
        start = datetime(year, month, days, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    # What EDF+ prescribes for a date that is to stay unknown.
    return None if (year, month, days) == (1985, 1, 1) else start
