"""WFDB records as signals of virtual devices."""

from __future__ import annotations

from math import gcd
from pathlib import Path

import numpy as np
import wfdb
from numpy.typing import NDArray
from scipy.signal import resample_poly

from devices.simulator.source import Adu, SignalSource, SourceError

INT16 = np.iinfo(np.int16)


def find_records(path: Path) -> list[Path]:
    """Return the records that have a signal, as paths without suffix, by name.

    ``path`` is a folder or one record (``…/mitdb/208``).
    """
    if not path.is_dir():
        if path.with_name(path.name + ".hea").exists():
            return [path]
        raise SourceError(f"{path} is neither a folder nor a WFDB record.")
    records = [
        header.with_suffix("")
        for header in sorted(path.glob("*.hea"))
        if any(header.with_suffix(end).exists() for end in (".dat", ".mat"))
    ]
    if not records:
        raise SourceError(
            f"No WFDB records in {path}: give a folder that holds .hea and .dat files."
        )
    return records


def wfdb_source(
    record: Path, *, fs: int | None = None, endless: bool = False
) -> SignalSource:
    """Read a WFDB record as int16 adu with its own gain and baseline.

    With ``fs`` the signal is resampled by a polyphase filter (no delay) and rounded
    to whole adu. A packet has one gain and one baseline: leads that differ from the
    first are rescaled to it.
    """
    try:
        read = wfdb.rdrecord(str(record), physical=False)
    except (OSError, ValueError, IndexError) as error:
        raise SourceError(
            f"{record} cannot be read as a WFDB record: {error}"
        ) from error
    if read.d_signal is None:
        raise SourceError(f"{record} has no signal.")
    gain, baseline = float(read.adc_gain[0]), int(read.baseline[0])
    adu = read.d_signal.astype(np.float64)
    for lead in range(1, adu.shape[1]):
        own_gain, own_baseline = float(read.adc_gain[lead]), int(read.baseline[lead])
        if (own_gain, own_baseline) != (gain, baseline):
            adu[:, lead] = (adu[:, lead] - own_baseline) * gain / own_gain + baseline
    own_fs = round(read.fs)
    if abs(own_fs - read.fs) > 1e-6 and fs is None:
        raise SourceError(f"{record} has fs {read.fs}: give --fs to resample it.")
    if fs is not None and fs != own_fs:
        adu = _resampled(adu, own_fs, fs, baseline)
    return SignalSource(
        adu=_int16(adu),
        fs=own_fs if fs is None else fs,
        gain=gain,
        baseline=baseline,
        leads=_lead_names(read.sig_name),
        endless=endless,
        name=record.name,
    )


def _resampled(
    adu: NDArray[np.float64], fs: int, to_fs: int, baseline: int
) -> NDArray[np.float64]:
    # The filter assumes zeros beyond the ends: zero is the baseline here.
    common = gcd(fs, to_fs)
    resampled: NDArray[np.float64] = resample_poly(
        adu - baseline, to_fs // common, fs // common, axis=0
    )
    return resampled + baseline


def _int16(adu: NDArray[np.float64]) -> Adu:
    return np.clip(np.rint(adu), INT16.min, INT16.max).astype(np.int16)


def _lead_names(names: list[str]) -> tuple[str, ...]:
    """Make names as the protocol wants them: unique, 1 to 8 ASCII characters."""
    leads: list[str] = []
    for number, name in enumerate(names, start=1):
        lead = "".join(c for c in name if c.isascii() and c.isprintable())[:8].strip()
        leads.append(lead if lead and lead not in leads else f"ECG{number}")
    return tuple(leads)
