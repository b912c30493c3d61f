"""What is reported where there is no heart: noise alone, a flat line, mains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ml.judge.analysed import analyse
from ml.judge.signals import NATIVE_FS, Signal, read_native, to_rate

FS = 250
MINUTES = 30
RMS_MV = (0.3, 1.0)
ALARMS = ("AF", "VT", "VF", "ASYSTOLE")


def signals(data: Path) -> Iterator[tuple[str, Signal]]:
    """Give signals of 30 min at 250 Hz that hold no beat, by name."""
    for name in ("em", "ma", "bw"):
        for lead in (0, 1):
            noise = read_native(data / "nstdb" / name, lead)[: MINUTES * 60 * NATIVE_FS]
            noise = (noise - noise.mean()) / noise.std()
            for rms in RMS_MV:
                yield f"{name} lead {lead} {rms} mV", to_rate(rms * noise, FS)
    time = np.arange(MINUTES * 60 * FS) / FS
    for level in (0.0, 1.0):
        yield f"flat at {level} mV", np.full(len(time), level, np.float32)
    for hz in (50, 60):
        for size in (0.05, 0.5):
            wave = size * np.sin(2 * np.pi * hz * time)
            yield f"mains {hz} Hz {size} mV", wave.astype(np.float32)


def silence_figures(data: Path, artifacts: Path) -> dict[str, Any]:
    """Return beats and episodes by label that were found in each signal."""
    rows: dict[str, Any] = {}
    alarms = 0
    for name, mv in signals(data):
        found = analyse(mv, FS, artifacts)
        counts = {label: len(spans) for label, spans in sorted(found.spans.items())}
        alarms += sum(counts.get(label, 0) for label in ALARMS)
        rows[name] = {"beats": len(found.times_s), "episodes": counts}
    return {"alarms": alarms, "of": list(ALARMS), "minutes_each": MINUTES, **rows}
