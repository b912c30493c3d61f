"""Small WFDB records, written by wfdb itself."""

from pathlib import Path
from typing import Any

import numpy as np
import wfdb

N = 1000


def adu_of(leads: int = 1, n: int = N) -> np.ndarray:
    """Return int64[n, leads] that no two leads share."""
    time = np.arange(n)
    return np.stack(
        [np.rint(300 * np.sin(time / (9 + lead))) for lead in range(leads)], axis=1
    ).astype(np.int64)


def write(folder: Path, name: str = "r1", **changes: Any) -> np.ndarray:
    """Write a record into ``folder`` and return its adu."""
    adu = changes.pop("adu", None)
    if adu is None:
        adu = adu_of(len(changes.get("sig_name", ["II"])))
    leads = adu.shape[1]
    options: dict[str, Any] = {
        "fs": 250,
        "units": ["mV"] * leads,
        "sig_name": ["II", "V5", "V1"][:leads],
        "fmt": ["16"] * leads,
        "adc_gain": [200.0] * leads,
        "baseline": [0] * leads,
    }
    wfdb.wrsamp(name, d_signal=adu, write_dir=str(folder), **(options | changes))
    return adu
