"""A day of one lead at 250 Hz."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.ecg_model import synthesise
from ml.data import DS1, PACED, read_record

FS = 250
DAY_S = 24 * 3600
# No record of the test set: it is opened for figures only.
RECORDS = [*DS1, *PACED]
PATTERN = ("sinus", "pvc", "af", "bigeminy", "vt", "tachy", "brady", "noise", "pause")
PATTERN_S = 120


class Day(NamedTuple):
    """The signal in mV, and where it comes from."""

    mv: NDArray[np.float32]
    source: str


def read_day(data: Path | None, seconds: int = DAY_S) -> Day:
    """Return records of mitdb joined end to end, or a synthetic ECG without them."""
    if data is not None and (data / "mitdb").is_dir():
        parts = [read_record(data / "mitdb" / name).mv for name in RECORDS]
        source = f"{len(parts)} records of mitdb (DS1 and paced), joined and repeated"
    else:
        parts = [
            synthesise(script, fs=FS, seconds=PATTERN_S, seed=k).mv
            for k, script in enumerate(PATTERN)
        ]
        source = f"synthetic: {', '.join(PATTERN)}, joined and repeated"
    return Day(np.resize(np.concatenate(parts), seconds * FS), source)
