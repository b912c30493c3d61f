"""WFDB records: header and signal files as PhysioNet publishes them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray

from inference.files.record import MISSING, FileError, FileRecord, lead_names
from inference.files.wfdb_header import Header, Lead, read_header

_SPAN = 1 << 20
_LARGEST = int(np.iinfo(np.int16).max)


def read_wfdb(
    path: Path | str, *, lead: str | int | None = None, max_values: int | None = None
) -> FileRecord:
    """Read a WFDB record, named by its path without ending.

    All ECG leads are read, or only ``lead`` (a name, or 0 for the first). The samples
    of the first one read are kept as they are, bit for bit, if they fit int16; the
    other leads are written with its gain and baseline. A record of more than
    ``max_values`` samples times leads is refused.
    """
    path = Path(path)
    if path.suffix in {".hea", ".dat"}:
        path = path.with_suffix("")
    header = read_header(path)
    names = lead_names([one.name for one in header.leads])
    chosen = _chosen(lead, names)
    leads = [header.leads[index] for index in chosen]
    if max_values is not None and (header.n or 0) * len(leads) > max_values:
        message = (
            f"The header promises {header.n:,} samples of {len(leads)} leads; at most "
            f"{max_values:,} values can be read. Cut the record into parts."
        )
        raise FileError(message)
    gain, baseline = _scale(path, header, leads)
    parts = [
        _as_int16(signals, gain=gain, baseline=baseline)
        for signals in _spans_mv(path, header, leads)
    ]
    samples = np.concatenate(parts) if parts else np.empty((0, len(leads)), np.int16)
    if not len(samples):
        message = f"The record {path.name} holds no samples."
        raise FileError(message)
    return FileRecord(
        name=path.name,
        fs=header.fs,
        leads=tuple(names[index] for index in chosen),
        gain=gain,
        baseline=baseline,
        samples=samples,
        started_at=header.started_at,
        channels=tuple(lead.channel for lead in leads),
    )


def _chosen(lead: str | int | None, names: tuple[str, ...]) -> list[int]:
    if lead is None:
        return list(range(len(names)))
    if isinstance(lead, int):
        return [lead]
    for index, name in enumerate(names):
        if name.casefold() == lead.strip().casefold()[:8]:
            return [index]
    message = f"There is no lead {lead!r}; the record has {', '.join(names)}."
    raise FileError(message)


def _spans_mv(
    path: Path, header: Header, leads: list[Lead]
) -> Iterator[NDArray[np.float64]]:
    """Yield float64[n, leads] in mV, NaN where the record holds no sample."""
    units = np.array([lead.unit_mv for lead in leads])
    channels = [lead.channel for lead in leads]
    spans = (
        [(0, None)]
        if header.n is None
        else [
            (start, min(start + _SPAN, header.n)) for start in range(0, header.n, _SPAN)
        ]
    )
    for start, end in spans:
        try:
            part = wfdb.rdrecord(
                str(path), sampfrom=start, sampto=end, channels=channels
            )
        except Exception as error:  # wfdb raises many kinds for a damaged file
            message = f"The signals of {path.name} cannot be read: {error}"
            raise FileError(message) from error
        yield part.p_signal * units


def _scale(path: Path, header: Header, leads: list[Lead]) -> tuple[float, int]:
    """Return gain and baseline of the first lead, coarser if int16 needs it."""
    first = leads[0]
    if not first.wide and abs(first.baseline) <= _LARGEST:
        return first.gain, first.baseline
    low, high = np.inf, -np.inf
    for signals in _spans_mv(path, header, leads[:1]):
        if np.isfinite(signals).any():
            low = min(low, float(np.nanmin(signals)))
            high = max(high, float(np.nanmax(signals)))
    if low > high:
        return first.gain, 0
    ends = np.array([low, high]) * first.gain + first.baseline
    if np.abs(ends).max() <= _LARGEST:
        return first.gain, first.baseline
    # Halve the resolution until the whole span fits, then centre it.
    halvings = max(0, int(np.ceil(np.log2((ends[1] - ends[0] + 2) / (2 * _LARGEST)))))
    gain = first.gain / 2**halvings
    return gain, -round((low + high) / 2 * gain)


def _as_int16(
    signals: NDArray[np.float64], *, gain: float, baseline: int
) -> NDArray[np.int16]:
    adu = np.rint(signals * gain + baseline)
    missing = np.isnan(adu)
    np.clip(adu, -_LARGEST, _LARGEST, out=adu)
    adu[missing] = MISSING
    return adu.astype(np.int16)
