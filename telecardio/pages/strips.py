"""Ten seconds of signal on ECG paper, drawn by the server."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from devices.models import Record
from devices.reading import read_signal_mv
from devices.segment_reading import Damaged

MM_PER_S = 25
MM_PER_MV = 10
STRIP_S = 10
MIN_HEIGHT_MM = 30
MAX_HEIGHT_MM = 60


@dataclass(frozen=True)
class Strip:
    """A strip in millimetres: paths of the trace and hatched holes."""

    title: str
    at: datetime
    lead: str
    paths: tuple[str, ...]
    holes: tuple[tuple[float, float], ...]
    height: float
    is_damaged: bool = False
    width: float = STRIP_S * MM_PER_S


def strip(record: Record, *, end_sample: int, title: str, lead: int) -> Strip | None:
    """Draw the ten seconds before ``end_sample``; None if nothing is stored there.

    What is damaged in storage is a hole, and the strip says so.
    """
    length = STRIP_S * record.fs
    start = max(0, min(end_sample, record.end_sample) - length)
    damaged: Damaged = []
    signal_mv = read_signal_mv(
        record, start, start + length, lead=lead, damaged=damaged
    )
    if np.isnan(signal_mv).all():
        return None
    paths, holes, height = trace_paths(signal_mv, fs=record.fs)
    return Strip(
        title=title,
        at=record.time_of(start),
        lead=record.leads[lead],
        paths=paths,
        holes=holes,
        height=height,
        is_damaged=bool(damaged),
    )


def trace_paths(
    signal_mv: NDArray[np.float32], *, fs: int
) -> tuple[tuple[str, ...], tuple[tuple[float, float], ...], float]:
    """Return SVG paths of the known stretches, the holes (x, width), and the height.

    All in millimetres at 25 mm/s and 10 mm/mV. The paper is high enough for the
    signal, in whole large squares.
    """
    known = ~np.isnan(signal_mv)
    middle = float(np.nanmedian(signal_mv))
    up = float(np.nanmax(signal_mv)) - middle
    down = middle - float(np.nanmin(signal_mv))
    needed = MM_PER_MV * (up + down) + 6
    height = 5 * np.ceil(np.clip(needed, MIN_HEIGHT_MM, MAX_HEIGHT_MM) / 5)
    zero_mm = height * (up + 0.3) / (up + down + 0.6)
    x_mm = np.arange(len(signal_mv)) * MM_PER_S / fs
    y_mm = np.clip(zero_mm - (signal_mv - middle) * MM_PER_MV, 0, height)
    paths, holes = [], []
    edges = np.flatnonzero(np.diff(known.astype(np.int8))) + 1
    for start, end in zip([0, *edges], [*edges, len(known)], strict=True):
        if known[start]:
            points = zip(x_mm[start:end], y_mm[start:end], strict=True)
            paths.append("M" + "L".join(f"{x:.1f} {y:.2f}" for x, y in points))
        else:
            width = (end - start) * MM_PER_S / fs
            holes.append((round(float(x_mm[start]), 1), round(float(width), 1)))
    return tuple(paths), tuple(holes), float(height)
