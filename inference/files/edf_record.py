"""EDF and EDF+ files: continuous, or in parts with gaps between them.

Read here and not by a library: the libraries refuse EDF+D, and need a path, which an
upload has not.
"""

import re
from datetime import timedelta
from fractions import Fraction
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from inference.files.edf_header import EdfHeader, EdfSignal, read_header
from inference.files.record import (
    MAX_FS,
    MIN_FS,
    MISSING,
    FileError,
    FileRecord,
    lead_names,
)

# What is faster than the analysis takes is brought down to this.
_SLOWER_FS = 500
_LARGEST = int(np.iinfo(np.int16).max)
_BLOCK_BYTES = 1 << 24
# The start of a data record may be rounded by so many samples.
_JITTER_SAMPLES = 1.5
_LONGEST_S = 31 * 86_400
_ONSET = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15\d*\.?\d*)?\x14")


class _Part(NamedTuple):
    """Data records ``[first, stop)`` that follow each other without a gap."""

    first: int
    stop: int
    onset_s: float


def read_edf(
    file: IO[bytes],
    *,
    name: str = "",
    lead: str | int | None = None,
    max_values: int | None = None,
) -> FileRecord:
    """Read the ECG leads of an EDF or EDF+ file, or only ``lead`` (a name, or 0).

    The samples of the first lead read are kept as they are; the others are written
    with its gain and baseline. A rate that is not a whole number of 100 to 1000 Hz is
    resampled, and between the parts of EDF+D samples are missing. A file of more than
    ``max_values`` samples times leads is refused.
    """
    header = read_header(file)
    names = lead_names([one.lead for one in header.leads])
    chosen = _chosen(lead, names, header)
    leads = [header.leads[index] for index in chosen]
    fs = _whole_fs(header.fs(leads[0]))
    digital, said = _read_data(file, header, leads)
    parts = _parts(header, said, fs=fs)
    begin_s = parts[0].onset_s
    last = parts[-1]
    length_s = last.onset_s - begin_s + (last.stop - last.first) * header.record_s
    n = round(length_s * fs)
    if length_s > _LONGEST_S or (max_values and n * len(leads) > max_values):
        message = (
            f"The EDF file spans {n:,} samples of {len(leads)} leads, gaps included, "
            "which is more than can be read. Cut it into shorter files."
        )
        raise FileError(message)
    gain, baseline = _scale(leads[0])
    samples = np.full((n, len(leads)), MISSING, dtype=np.int16)
    for column, (signal, values) in enumerate(zip(leads, digital, strict=True)):
        for part in parts:
            adu = _as_int16(
                values[part.first * signal.size : part.stop * signal.size],
                signal,
                rate=_rational(signal.size, header.record_s),
                fs=fs,
                gain=gain,
                baseline=baseline,
            )
            at = round((part.onset_s - begin_s) * fs)
            adu = adu[: n - at]
            samples[at : at + len(adu), column] = adu
    started_at = header.started_at
    return FileRecord(
        name=name,
        fs=fs,
        leads=tuple(names[index] for index in chosen),
        gain=gain,
        baseline=baseline,
        samples=samples,
        started_at=started_at and started_at + timedelta(seconds=begin_s),
        channels=tuple(signal.channel for signal in leads),
    )


def _chosen(
    lead: str | int | None, names: tuple[str, ...], header: EdfHeader
) -> list[int]:
    if lead is None:
        return list(range(len(names)))
    if isinstance(lead, int):
        return [lead]
    wanted = lead.strip().casefold()
    for index, name in enumerate(names):
        if wanted in {name.casefold(), header.leads[index].label.casefold()}:
            return [index]
    message = f"There is no lead {lead!r}; the record has {', '.join(names)}."
    raise FileError(message)


def _whole_fs(rate: float) -> int:
    """Return the rate at which a record is analysed whose file has ``rate``."""
    if rate < MIN_FS * 0.999:
        message = (
            f"The EDF file has {rate:g} Hz; the analysis needs at least {MIN_FS} Hz, "
            "and no resampling brings back what is lost. Export it at the full rate."
        )
        raise FileError(message)
    return (
        _SLOWER_FS if rate > MAX_FS * 1.001 else min(max(round(rate), MIN_FS), MAX_FS)
    )


def _rational(size: int, record_s: float) -> Fraction:
    return Fraction(size) / Fraction(record_s).limit_denominator(1_000_000)


def _read_data(
    file: IO[bytes], header: EdfHeader, leads: list[EdfSignal]
) -> tuple[list[NDArray[np.int16]], list[bytes]]:
    """Return the samples of each lead, and the annotations of each data record."""
    file.seek(header.first_byte)
    columns: list[list[NDArray[np.int16]]] = [[] for _ in leads]
    said: list[bytes] = []
    width = header.record_size * 2
    at_once = max(1, _BLOCK_BYTES // width)
    for first in range(0, header.records, at_once):
        count = min(at_once, header.records - first)
        data = file.read(count * width)
        if len(data) < count * width:
            raise FileError("The EDF file is cut off. Copy it again.")
        rows = np.frombuffer(data, "<i2").reshape(count, header.record_size)
        for column, lead in zip(columns, leads, strict=True):
            part = rows[:, lead.offset : lead.offset + lead.size]
            column.append(part.astype(np.int16).reshape(-1))
        if not header.continuous and header.annotations is not None:
            start, size = header.annotations
            said += [row[start : start + size].tobytes() for row in rows]
    return [np.concatenate(column) for column in columns], said


def _parts(header: EdfHeader, said: list[bytes], *, fs: int) -> list[_Part]:
    """Return the parts without a gap; a data record of EDF+D says when it begins."""
    if header.continuous:
        return [_Part(0, header.records, 0.0)]
    if not said:
        message = (
            "The EDF+D file has no annotations that say when its data records begin. "
            "Export it again."
        )
        raise FileError(message)
    parts: list[_Part] = []
    tolerance_s = _JITTER_SAMPLES / fs
    for index, text in enumerate(said):
        found = _ONSET.match(text)
        if found is None:
            message = (
                f"Data record {index + 1} of the EDF+D file does not say when it "
                "begins. Export it again."
            )
            raise FileError(message)
        onset_s = float(found[1])
        if parts:
            last = parts[-1]
            expected_s = last.onset_s + (index - last.first) * header.record_s
            if abs(onset_s - expected_s) <= tolerance_s:
                parts[-1] = last._replace(stop=index + 1)
                continue
            if onset_s < expected_s:
                message = (
                    f"Data record {index + 1} of the EDF+D file begins at {onset_s:g} "
                    f"s, before the one before it ends ({expected_s:g} s). Export it "
                    "again, in order."
                )
                raise FileError(message)
        parts.append(_Part(index, index + 1, onset_s))
    return parts


def _scale(first: EdfSignal) -> tuple[float, int]:
    """Return gain and baseline that keep the first lead's samples as they are."""
    gain = 1.0 / abs(first.mv_per_adu)
    # Turned round, or with 0 mV beyond int16: its mV are written anew.
    if first.mv_per_adu < 0 or abs(first.zero) > _LARGEST:
        return gain, 0
    return gain, round(first.zero)


def _as_int16(
    values: NDArray[np.int16],
    signal: EdfSignal,
    *,
    rate: Fraction,
    fs: int,
    gain: float,
    baseline: int,
) -> NDArray[np.int16]:
    same = signal.mv_per_adu == 1.0 / gain and round(signal.zero) == baseline
    if same and rate == fs:
        # The lowest value stands for "no sample" in a FileRecord.
        return np.maximum(values, -_LARGEST)
    mv = (values - np.float64(signal.zero)) * signal.mv_per_adu
    if rate != fs:
        mv = _resampled(mv, Fraction(fs) / rate)
    adu = np.rint(mv * gain + baseline)
    return np.clip(adu, -_LARGEST, _LARGEST).astype(np.int16)


def _resampled(mv: NDArray[np.float64], ratio: Fraction) -> NDArray[np.float64]:
    """Return a part at another rate; its ends are held, or the filter would ring."""
    step = ratio.limit_denominator(10_000)
    return np.asarray(
        resample_poly(mv, step.numerator, step.denominator, padtype="line"), np.float64
    )
