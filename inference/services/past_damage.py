"""Read signal for the analysis: what a damaged segment held is a gap."""

from devices.models import Record
from devices.reading import read_signal_mv
from devices.segments import DamagedSegment
from inference.ecg.types import Signal


def read_past_damage(record: Record, start: int, end: int, *, lead: int) -> Signal:
    """Return float32[n] in mV of ``[start, end)``, as ``read_signal_mv`` does.

    Who waited until it is mended would wait for ever. A file that is missing or a store
    that does not answer may come back: that raises, and one tries again.
    """
    try:
        return read_signal_mv(record, start, end, lead=lead)
    except DamagedSegment:
        return read_signal_mv(record, start, end, lead=lead, damaged=[])
