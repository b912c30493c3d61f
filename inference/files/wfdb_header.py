"""WFDB headers: what a record holds, checked before its signals are read."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import wfdb

from inference.files.record import MAX_LEADS, FileError, listed, whole_fs

# How many mV one unit of a signal is; other units are no ECG.
_MV = {"mV": 1.0, "uV": 1e-3, "µV": 1e-3, "μV": 1e-3, "V": 1e3, "": 1.0}
_MAX_HEADER_BYTES = 1 << 20
# Bytes per sample of the formats whose files have a length that can be told.
_BYTES = {"8": 1.0, "16": 2.0, "24": 3.0, "32": 4.0, "61": 2.0, "80": 1.0}
_BYTES |= {"160": 2.0, "212": 1.5, "310": 4 / 3, "311": 4 / 3}
_WIDE_FORMATS = {"24", "32", "524"}


@dataclass(frozen=True)
class Lead:
    """One ECG signal of a WFDB record; ``gain`` is in adu per mV."""

    channel: int
    name: str
    gain: float
    baseline: int
    unit_mv: float
    wide: bool


@dataclass(frozen=True)
class Header:
    """What a WFDB header says; ``n`` is None where it leaves the length open."""

    fs: int
    n: int | None
    leads: tuple[Lead, ...]
    started_at: datetime | None


def read_header(path: Path) -> Header:
    """Read ``path`` + ``.hea`` and check that every file it names is there.

    Times of day in a header have no zone; they are taken as UTC.
    """
    raw = _parse(path)
    fs = whole_fs(float(raw.fs), source=f"The header {path.name}.hea")
    segments = [raw]
    if isinstance(raw, wfdb.MultiRecord):
        segments = [s for s in raw.segments if s is not None]
    for segment in segments:
        _check_files(segment, path)
    first = next((s for s in segments if s.sig_name), None)
    leads = _ecg_leads(first) if first is not None else []
    if not leads:
        units = sorted({u for s in segments for u in s.units or ()})
        message = (
            f"The header {path.name}.hea names no ECG signal in mV"
            + (f", only units {listed(units)}" if units else "")
            + ". Choose a record with an ECG lead."
        )
        raise FileError(message)
    started_at = raw.base_datetime
    return Header(
        fs=fs,
        n=raw.sig_len or None,
        leads=tuple(leads[:MAX_LEADS]),
        started_at=started_at.replace(tzinfo=UTC) if started_at else None,
    )


def _parse(path: Path) -> Any:
    file = path.with_name(path.name + ".hea")
    if not file.is_file():
        message = (
            f"There is no {file}. Name a WFDB record by its path without ending, "
            "or a file that ends in .csv or .edf."
        )
        raise FileError(message)
    if file.stat().st_size > _MAX_HEADER_BYTES:
        message = f"{file.name} is too large for a WFDB header."
        raise FileError(message)
    try:
        return wfdb.rdheader(str(path), rd_segments=True)
    except FileNotFoundError as error:
        missing = Path(str(error.filename or error)).name
        message = f"The header {file.name} names {missing}, which is missing."
        raise FileError(message) from error
    except Exception as error:  # wfdb raises many kinds for a header it cannot read
        message = f"{file.name} is no WFDB header that can be read: {error}"
        raise FileError(message) from error


def _check_files(segment: Any, path: Path) -> None:
    if not segment.n_sig or not segment.file_name:
        return
    folder = path.parent
    names = dict.fromkeys(segment.file_name)  # each once, in order
    # A name may not lead out of the folder.
    missing = [
        name
        for name in names
        if name != "~" and (Path(name).name != name or not (folder / name).is_file())
    ]
    if missing:
        message = (
            f"The header {segment.record_name}.hea names {listed(missing)}, which is "
            "missing. Put the header and its signal files together."
        )
        raise FileError(message)
    for name in names:
        formats = {
            f for f, n in zip(segment.fmt, segment.file_name, strict=True) if n == name
        }
        _check_length(segment, folder / name, formats)


def _check_length(segment: Any, file: Path, formats: set[str]) -> None:
    if file.name == "~" or len(formats) != 1 or not segment.sig_len:
        return
    width = _BYTES.get(formats.pop())
    if width is None:
        return
    mine = [i for i, name in enumerate(segment.file_name) if name == file.name]
    per_frame = sum(segment.samps_per_frame[i] or 1 for i in mine)
    expected = math.floor(width * per_frame * segment.sig_len)
    expected += segment.byte_offset[mine[0]] or 0
    found = file.stat().st_size
    if found < expected:
        message = (
            f"{file.name} has {found:,} bytes, but its header promises {expected:,}: "
            "the file is cut off. Copy it again."
        )
        raise FileError(message)


def _ecg_leads(segment: Any) -> list[Lead]:
    leads = []
    for channel, (name, unit) in enumerate(
        zip(segment.sig_name, segment.units, strict=True)
    ):
        unit_mv = _MV.get(unit or "")
        gain = float(segment.adc_gain[channel])
        if unit_mv is None or not math.isfinite(gain) or gain == 0:
            continue
        leads.append(
            Lead(
                channel=channel,
                name=name or "",
                gain=gain / unit_mv,
                baseline=int(segment.baseline[channel]),
                unit_mv=unit_mv,
                wide=segment.fmt is None or segment.fmt[channel] in _WIDE_FORMATS,
            )
        )
    return leads
