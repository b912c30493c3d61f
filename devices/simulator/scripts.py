"""Synthetic signals that loop without a seam."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from devices.ecg_model import RAIL_MV, SCRIPTS, Synthetic, synthesise
from devices.simulator.source import SignalSource, SourceError

# A 12-bit front end with 1000 adu per mV.
GAIN = 1000.0
BASELINE = 2048
LOOP_S = 300.0
BEFORE_R_S = 0.25
FADE_S = 0.1
# "outage" is a sinus rhythm on a device that loses its network for a while.
SCRIPT_NAMES = (*SCRIPTS, "outage")
# Above this many devices per script they share loops, each from another place.
VARIANTS = 4
STEP_S = 37


def script_source(script: str, *, number: int = 0, fs: int = 250) -> SignalSource:
    """Return the endless signal of the ``number``-th device that plays ``script``."""
    if script not in SCRIPT_NAMES:
        raise SourceError(
            f"No script is called {script!r}: choose from {', '.join(SCRIPT_NAMES)}."
        )
    source = _loop("sinus" if script == "outage" else script, number % VARIANTS, fs)
    offset = (number // VARIANTS) * STEP_S * fs % len(source.adu)
    return replace(source, name=script, offset=offset)


@lru_cache(maxsize=128)
def _loop(script: str, seed: int, fs: int) -> SignalSource:
    synthetic = synthesise(script, fs=fs, seconds=LOOP_S, seed=seed)
    mv = close_loop(synthetic, fs=fs)
    rail = np.abs(mv) >= RAIL_MV - 1e-3
    lead_off = _stretches(rail, at_least=fs)
    return SignalSource(
        adu=np.rint(mv * GAIN + BASELINE).astype(np.int16)[:, None],
        fs=fs,
        gain=GAIN,
        baseline=BASELINE,
        leads=("I",),
        endless=True,
        flags={
            "lead_off": lead_off,
            "clip": rail & ~lead_off,
            "noisy": _noisy(mv, fs) & ~lead_off,
        },
    )


def close_loop(synthetic: Synthetic, *, fs: int) -> NDArray[np.float32]:
    """Cut a signal (mV) so that its end runs on into its start.

    Both cuts lie just before a normal beat that follows a normal beat, so that the
    RR interval across the seam is one of the rhythm's own; the last 100 ms fade
    into what came before the first cut, so that the baseline does not jump.
    """
    peaks, symbols = synthetic.r_peaks, synthetic.symbols
    if len(peaks) < 4:
        return synthetic.mv
    rr_s = np.diff(peaks) / fs
    fits = [
        k
        for k in range(1, len(peaks))
        if symbols[k - 1] == symbols[k] == "N" and 0.7 <= rr_s[k - 1] <= 2.0
    ]
    first, last = (fits[0], fits[-1]) if len(fits) > 1 else (1, len(peaks) - 1)
    start = int(peaks[first]) - int(BEFORE_R_S * fs)
    end = int(peaks[last]) - int(BEFORE_R_S * fs)
    fade = min(int(FADE_S * fs), start)
    mv = synthetic.mv[start:end].copy()
    weight = np.linspace(0, 1, fade + 1, dtype=np.float32)[1:]
    lead_in = synthetic.mv[start - fade : start]
    mv[len(mv) - fade :] += weight * (lead_in - mv[len(mv) - fade :])
    return mv


def _stretches(mask: NDArray[np.bool_], *, at_least: int) -> NDArray[np.bool_]:
    """Keep the runs of True that are ``at_least`` samples long."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.view(np.int8), [0]))))
    kept = np.zeros(len(mask), dtype=np.bool_)
    for start, stop in edges.reshape(-1, 2):
        kept[start:stop] = stop - start >= at_least
    return kept


def _noisy(mv: NDArray[np.float32], fs: int) -> NDArray[np.bool_]:
    """Mark the seconds in which the typical step between samples is above 0.1 mV."""
    steps = np.abs(np.diff(mv, prepend=mv[:1]))
    noisy = np.zeros(len(mv), dtype=np.bool_)
    for start in range(0, len(mv), fs):
        noisy[start : start + fs] = np.median(steps[start : start + fs]) > 0.1
    return noisy
