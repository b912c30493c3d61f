"""The heart rate of hours and days, read from the stored beats."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from devices.models import Record
from devices.reading import read_time_map
from inference.services.beats import shown_blocks
from inference.services.block_rows import plain_rows
from patients.models import Patient

# The alarms use the same number, so chart and alarm tell the same story.
BEATS_AVERAGED = 12
MIN_QUALITY = 50


@dataclass(frozen=True)
class HeartRateSpan:
    """Heart rate over one step of time, in beats per minute."""

    start_at: datetime
    low_bpm: float
    mean_bpm: float
    high_bpm: float


@dataclass(frozen=True)
class Extreme:
    """Where the heart rate was lowest or highest."""

    record: Record
    sample: int
    at: datetime
    bpm: float


@dataclass(frozen=True)
class HeartRateBand:
    """Steps that have a heart rate, in the order of time; steps without are absent."""

    step_s: int
    spans: tuple[HeartRateSpan, ...]
    lowest: Extreme | None
    highest: Extreme | None


@dataclass(frozen=True)
class _Rates:
    """Heart rate at each beat of one record."""

    record: Record
    samples: NDArray[np.int64]
    at_s: NDArray[np.float64]
    bpm: NDArray[np.float64]


def rolling_heart_rate_bpm(
    rr_ms: NDArray[np.float32], *, beats: int = BEATS_AVERAGED
) -> NDArray[np.float64]:
    """Return the heart rate at each beat over the last ``beats`` intervals.

    A missing interval (NaN) starts anew; until there are ``beats`` intervals in a
    row the rate is NaN. The rate lags by half of the intervals averaged.
    """
    rate = np.full(len(rr_ms), np.nan)
    if len(rr_ms) < beats:
        return rate
    missing = np.isnan(rr_ms)
    total = np.cumsum(np.where(missing, 0.0, rr_ms.astype(np.float64)))
    gaps = np.cumsum(missing)
    window = total[beats - 1 :] - np.concatenate([[0.0], total[:-beats]])
    holes = gaps[beats - 1 :] - np.concatenate([[0], gaps[:-beats]])
    known = (holes == 0) & (window > 0)
    rate[beats - 1 :][known] = 60_000.0 * beats / window[known]
    return rate


def heart_rate_band(
    patient: Patient, *, start_at: datetime, end_at: datetime, step_s: int = 60
) -> HeartRateBand:
    """Return min, mean and max of the heart rate for each step of ``[start, end)``.

    Steps count from ``start_at``. Seconds of bad quality say nothing about the
    heart and are left out.
    """
    records = patient.records.filter(
        started_at__lt=end_at, last_received_at__gte=start_at
    ).order_by("started_at")
    first_s, last_s = start_at.timestamp(), end_at.timestamp()
    parts = [_rates(record, first_s, last_s) for record in records]
    parts = [part for part in parts if len(part.bpm)]
    if not parts:
        return HeartRateBand(step_s, (), None, None)
    at_s = np.concatenate([part.at_s for part in parts])
    bpm = np.concatenate([part.bpm for part in parts])
    order = np.argsort(at_s, kind="stable")
    step, bpm = ((at_s[order] - first_s) // step_s).astype(np.int64), bpm[order]
    indices, starts = np.unique(step, return_index=True)
    spans = [
        HeartRateSpan(
            start_at + timedelta(seconds=int(index) * step_s),
            float(inside.min()),
            float(inside.mean()),
            float(inside.max()),
        )
        for index, inside in zip(indices, np.split(bpm, starts[1:]), strict=True)
    ]
    lowest = min((_extreme(part, int(np.argmin(part.bpm))) for part in parts), key=_bpm)
    highest = max(
        (_extreme(part, int(np.argmax(part.bpm))) for part in parts), key=_bpm
    )
    return HeartRateBand(step_s, tuple(spans), lowest, highest)


def _bpm(extreme: Extreme) -> float:
    return extreme.bpm


def _extreme(part: _Rates, index: int) -> Extreme:
    at = datetime.fromtimestamp(float(part.at_s[index]), tz=UTC)
    return Extreme(part.record, int(part.samples[index]), at, float(part.bpm[index]))


def _rates(record: Record, first_s: float, last_s: float) -> _Rates:
    """Read the beats of one record and keep those inside, of good quality."""
    earliest, latest = _samples_at(record, first_s, last_s)
    blocks = shown_blocks(record).filter(
        count__gt=0, last_beat_sample__gte=earliest, first_beat_sample__lte=latest
    )
    # A day is up to 86,400 rows: no array is made for a single one.
    starts, samples, rr_ms, quality = [], [], [], []
    for row in plain_rows(blocks, "start_sample", "samples", "rr_ms", "quality"):
        starts.append(row[0])
        samples.append(row[1])
        rr_ms.append(row[2])
        quality.append(row[3])
    sample = np.frombuffer(b"".join(samples), "<i8").astype(np.int64)
    bpm = rolling_heart_rate_bpm(np.frombuffer(b"".join(rr_ms), "<f4"))
    at_s = read_time_map(record).epoch_ms(sample) / 1000
    keep = ~np.isnan(bpm) & (at_s >= first_s) & (at_s < last_s)
    keep &= _is_clean(sample, starts, quality, fs=record.fs)
    return _Rates(record, sample[keep], at_s[keep], bpm[keep])


def _is_clean(
    sample: NDArray[np.int64],
    starts: Sequence[int],
    quality: Sequence[bytes],
    *,
    fs: int,
) -> NDArray[np.bool_]:
    """Tell for each beat whether its second, or the one after, is of good quality.

    A beat may lie a little before the block that keeps it, where none is kept.
    """
    seconds = np.concatenate(
        [
            start // fs + np.arange(len(part))
            for start, part in zip(starts, quality, strict=True)
        ]
        or [np.zeros(0, np.int64)]
    )
    clean = np.frombuffer(b"".join(quality), "u1") >= MIN_QUALITY
    if not len(seconds):
        return np.zeros(len(sample), np.bool_)
    place = np.searchsorted(seconds, sample // fs)
    found: NDArray[np.bool_] = clean[np.minimum(place, len(seconds) - 1)]
    return found


def _samples_at(record: Record, first_s: float, last_s: float) -> tuple[int, int]:
    """Return samples around ``[first_s, last_s)``: clocks are corrected by steps."""
    pieces = read_time_map(record).pieces
    lows, highs = (
        [
            piece.sample + int((at_s - piece.at.timestamp()) * record.fs)
            for piece in pieces
        ]
        for at_s in (first_s, last_s)
    )
    return max(0, min(lows)), max(0, *highs) + record.fs
