"""EDF files, written by pyedflib."""

import io
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyedflib

FS = 250


def write(
    folder: Path,
    signals: dict[str, np.ndarray],
    *,
    fs: float | list[float] = FS,
    units: dict[str, str] | None = None,
    name: str = "night.edf",
    start: datetime | None = datetime(2026, 3, 1, 22, 15),  # noqa: DTZ001
    notes: tuple[tuple[float, str], ...] = (),
    **limits: Any,
) -> Path:
    """Write signals in mV (or the units told) as EDF+; samples fill whole records."""
    path = folder / name
    rates = fs if isinstance(fs, list) else [fs] * len(signals)
    writer = pyedflib.EdfWriter(str(path), len(signals), pyedflib.FILETYPE_EDFPLUS)
    if start is not None:
        writer.setStartdatetime(start)
    for channel, (label, rate) in enumerate(zip(signals, rates, strict=True)):
        header = {
            "label": label,
            "dimension": (units or {}).get(label, "mV"),
            "sample_frequency": rate,
            "physical_max": 10.0,
            "physical_min": -10.0,
            "digital_max": 32767,
            "digital_min": -32768,
            "transducer": "",
            "prefilter": "",
        }
        writer.setSignalHeader(channel, header | limits)
    writer.writeSamples(
        [np.ascontiguousarray(values, float) for values in signals.values()]
    )
    for onset_s, text in notes:
        writer.writeAnnotation(onset_s, -1, text)
    writer.close()
    return path


def discontinuous(path: Path, onsets_s: list[float]) -> io.BytesIO:
    """Return the file as EDF+D whose data records begin at these times.

    pyedflib cannot write it, so its records are kept and their times replaced.
    """
    data = bytearray(path.read_bytes())
    data[192:197] = b"EDF+D"
    signals = int(data[252:256])
    first = int(data[184:192])
    sizes_at = 256 + 216 * signals
    sizes = [int(data[sizes_at + 8 * k : sizes_at + 8 * k + 8]) for k in range(signals)]
    width, notes_at = 2 * sum(sizes), 2 * sum(sizes[:-1])
    for index, onset_s in enumerate(onsets_s):
        at = first + index * width + notes_at
        text = f"+{onset_s}\x14\x14\0".encode()
        data[at : at + 2 * sizes[-1]] = text.ljust(2 * sizes[-1], b"\0")
    return io.BytesIO(bytes(data))
