"""Judging R-peak nets on records that they never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.ecg.filters import BAND_DELAY
from inference.ecg.front import CUT_OFF_MS
from inference.ecg.grid import GRID_FS
from inference.ecg.types import Detect
from ml.data import FS
from ml.judge.beats import pair_beats, within
from ml.r_peak_data import Track
from ml.r_peak_labels import heat_of, r_peaks_of, votes_of

START_S = 300.0
NOISE_DB = (24, 12, 6, 0)
Teach = Callable[[list[list[Track]], int], Detect]


def missed_and_false(track: Track, found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return beats, missed and false ones from 5 min on, within 150 ms."""
    record = track.record
    assert record is not None
    flutter = [(start / FS, end / FS) for start, end in record.flutter]
    times_s = record.samples / FS
    times_s = times_s[~within(times_s, flutter)]
    found_s = (found - BAND_DELAY) / GRID_FS
    found_s = found_s[found_s < len(record.mv) / FS - CUT_OFF_MS / 1000]
    partner = pair_beats(times_s, found_s)
    counted = times_s >= START_S
    false = np.setdiff1d(np.arange(len(found_s)), partner)
    false = false[(found_s[false] >= START_S) & ~within(found_s[false], flutter)]
    return np.array([counted.sum(), (counted & (partner < 0)).sum(), len(false)])


def with_noise(track: Track, noise: NDArray[np.float32], db: float) -> Track:
    """Return a record with noise from 5 min on, as far as the noise goes.

    SNR as in nst, but of signal and noise behind the band filter.
    """
    start = int(START_S * GRID_FS)
    count = min(len(noise), len(track.band) - start)
    level = track.usual / np.sqrt(8.0) * 10 ** (-db / 20)
    band = track.band[: start + count].copy()
    band[start:] += (level * noise[:count]).astype(np.float32)
    record = track.record
    assert record is not None
    inside = record.samples < (start + count) * FS / GRID_FS
    cut = type(record)(
        record.name,
        record.mv,
        record.samples[inside],
        record.classes[inside],
        record.flutter,
    )
    return type(track)(
        track.name, track.patient, band, track.r_peaks, track.unsure, track.usual, cut
    )


def judge(detect: Detect, track: Track) -> NDArray[np.int64]:
    """Return beats, missed and false ones of what service would find."""
    heat = heat_of(detect, track.band)
    return missed_and_false(track, r_peaks_of(heat, votes_of(track.band)))


def cross_validate(
    sets: Sequence[Sequence[Track]],
    teach: Teach,
    noise: NDArray[np.float32],
    folds: int,
    seed: int,
) -> None:
    """Print figures of DS1 and svdb by nets that never saw a patient they judge.

    ``sets`` are first and second leads of DS1, and svdb; first signals are judged.
    """
    rng = np.random.default_rng(seed)
    groups = [sorted({track.patient for track in tracks}) for tracks in sets[1:]]
    orders = [list(rng.permutation(group)) for group in groups]
    totals: dict[str, NDArray[np.int64]] = {}
    for fold in range(folds):
        out = {patient for order in orders for patient in order[fold::folds]}
        inside = [[t for t in tracks if t.patient not in out] for tracks in sets]
        detect = teach(inside, seed + 10 * fold)
        for name, tracks in (("DS1", sets[0]), ("svdb", sets[2])):
            judged = [t for t in tracks if t.patient in out]
            for track in judged:
                if name == "svdb" and not track.name.endswith("/0"):
                    continue
                counts = judge(detect, track)
                totals[name] = totals.get(name, 0) + counts
                if counts[1:].sum() > 4:
                    print(f"  {name} {track.name} missed {counts[1]} false {counts[2]}")
                for db in NOISE_DB if name == "DS1" else ():
                    part = judge(detect, with_noise(track, noise, db))
                    key = f"DS1, em {db} dB"
                    totals[key] = totals.get(key, 0) + part
        for name, (beats, missed, false) in totals.items():
            found = beats - missed
            se, ppv = 100 * found / beats, 100 * found / (found + false)
            print(
                f"{name} after fold {fold + 1} of {folds}: Se {se:.3f} +P {ppv:.3f}, "
                f"{missed} missed {false} false",
                flush=True,
            )
