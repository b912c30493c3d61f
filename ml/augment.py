"""What training does to beats and records, so that the net meets the world."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from inference.ecg.beats import FEATURES, to_input
from inference.ecg.grid import WINDOW
from ml.data import FS, Record
from ml.examples import MARGIN, Examples

SNR_DB = (-6, 24)
JITTER_SIGMA = 2.0  # grid steps of 8 ms
POST_LOST = 0.05
POST_FEATURES = [
    k
    for k, name in enumerate(FEATURES)
    if name.startswith(("log_post", "post_s", "innovation_post", "compensation"))
    or name == "conducted_log_post_upper"
]
POST_MISSING = FEATURES.index("post_missing")
FAMILY_POST = FEATURES.index("family_post")
POST_IN_FAMILY = FEATURES.index("post_in_family")


def add_noise(
    record: Record,
    noises: dict[str, list[NDArray[np.float32]]],
    rng: np.random.Generator,
) -> Record:
    """Return the record with bursts of nstdb noise at -6 to 24 dB on half of it.

    SNR as in nst: the power of a sine with the QRS's peak-to-peak against the
    noise's power.
    """
    mv = record.mv.copy()
    peak_to_peak = float(np.percentile(mv, 99.5) - np.percentile(mv, 0.5))
    at = 0
    while at < len(mv):
        length = int(rng.uniform(2, 20) * FS)
        if rng.random() < 0.5:
            leads = noises[str(rng.choice(["em", "em", "ma", "ma", "bw"]))]
            noise = leads[int(rng.integers(len(leads)))]
            snr_db = rng.uniform(*SNR_DB)
            start = int(rng.integers(0, len(noise) - length))
            burst = noise[start : start + length]
            level = np.sqrt(peak_to_peak**2 / 8 / 10 ** (snr_db / 10))
            mv[at : at + length] += level * burst[: len(mv) - at]
        at += length
    return Record(record.name, mv, record.samples, record.classes, record.flutter)


def draw(
    examples: Examples, at: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return augmented windows [n, 96, 2] and features [n, F] of the beats at ``at``.

    Moves R (sigma 16 ms), turns the lead round in half of the beats, changes
    the gain of beat and template together by 10 %, adds smoothed noise to 30 %,
    and forgets the post-RR of 5 %.
    """
    n = len(at)
    shift = np.clip(np.rint(rng.normal(0, JITTER_SIGMA, n)), -MARGIN, MARGIN)
    columns = MARGIN + shift.astype(np.int64)[:, None] + np.arange(WINDOW)[None, :]
    wide = examples.wide[at]
    windows = np.take_along_axis(wide, columns, axis=1).astype(np.float64)
    windows -= np.median(windows, axis=1, keepdims=True)
    pair = to_input(windows, examples.templates[at].astype(np.float64))
    pair *= np.where(rng.random(n) < 0.5, -1.0, 1.0)[:, None, None]
    pair *= np.exp(rng.normal(0, 0.1, n))[:, None, None]
    level = np.where(rng.random(n) < 0.3, rng.uniform(0.01, 0.15, n), 0.0)
    noise = gaussian_filter1d(rng.standard_normal((n, WINDOW)), 1.5, axis=1)
    pair += (noise / noise.std() * level[:, None])[:, :, None]
    features = examples.features[at].copy()
    lost = rng.random(n) < POST_LOST
    features[np.ix_(lost, POST_FEATURES)] = 0.0
    features[lost, POST_MISSING] = 1.0
    features[lost, POST_IN_FAMILY] = -features[lost, FAMILY_POST]
    return pair.astype(np.float32), features
