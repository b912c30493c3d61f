"""Read signal for the analysis: what a damaged segment held is a gap."""

import numpy as np

from devices.models import Record
from devices.reading import read_signal_mv
from devices.segment_reading import DamagedSpan, MissingSpan
from inference.ecg.types import Signal


def read_past_damage(
    record: Record, start: int, end: int, *, lead: int, past_loss: bool = False
) -> Signal:
    """Return float32[n] in mV of ``[start, end)``, as ``read_signal_mv`` does.

    Who waited until wrong bytes are mended would wait for ever. A file that is missing,
    a disk that fails and a store that is away may be mended: that raises, and one tries
    again. With ``past_loss`` a missing file is a gap, too, for what cannot wait.
    """
    try:
        return read_signal_mv(record, start, end, lead=lead)
    except DamagedSpan as error:
        if isinstance(error, MissingSpan) and not past_loss:
            raise
        low, high = max(start, error.start_sample), min(end, error.end_sample)
    sides = [
        read_past_damage(record, *side, lead=lead, past_loss=past_loss)
        for side in ((start, low), (high, end))
    ]
    return np.concatenate([sides[0], np.full(high - low, np.nan, np.float32), sides[1]])
