"""Read signal for the analysis: what a damaged segment held is a gap."""

import numpy as np

from devices.models import Record
from devices.reading import read_signal_mv
from devices.segment_reading import DamagedSpan
from inference.ecg.types import Signal


def read_past_damage(record: Record, start: int, end: int, *, lead: int) -> Signal:
    """Return float32[n] in mV of ``[start, end)``, as ``read_signal_mv`` does.

    Who waited until wrong bytes are mended would wait for ever. A file that is missing,
    a disk that fails and a store that is away may be mended: that raises, and one tries
    again.
    """
    try:
        return read_signal_mv(record, start, end, lead=lead)
    except DamagedSpan as error:
        low, high = max(start, error.start_sample), min(end, error.end_sample)
    parts = [np.full(high - low, np.nan, np.float32)]
    if start < low:
        parts.insert(0, read_past_damage(record, start, low, lead=lead))
    if high < end:
        parts.append(read_past_damage(record, high, end, lead=lead))
    return np.concatenate(parts)
