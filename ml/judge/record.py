"""Everything that is judged on one record."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from ml.judge.analysed import analyse
from ml.judge.beats import Matrix, confuse
from ml.judge.delay import alarm_delays
from ml.judge.invariance import USUAL, VARIANTS
from ml.judge.literature import on_annotated
from ml.judge.noise import SNR_DB, START_S, noisy_spans, unseen_half, with_noise
from ml.judge.reading import Reading, read_annotations
from ml.judge.signals import read_native, to_rate

FS = 250  # of the product line
LEARNING_S = 300.0  # EC57's learning period


@dataclass
class Outcome:
    """The reference, the analysis at 250 Hz, and the matrices of all variants.

    ``noise`` holds per signal-to-noise ratio the matrix from 5 min on and that of
    the noisy minutes alone; ``delays`` those of VT and VF.
    """

    name: str
    reference: Reading
    found: Reading
    seconds: float
    whole: Matrix
    later: Matrix
    literature: Matrix | None = None
    variants: dict[str, Matrix] = field(default_factory=dict)
    noise: dict[int, tuple[Matrix, Matrix]] = field(default_factory=dict)
    delays: list[tuple[str, float | None]] = field(default_factory=list)


def judge_record(
    data: Path, artifacts: Path, name: str, sections: Collection[str]
) -> Outcome:
    """Analyse a mitdb record and judge what the sections ask for."""
    path = data / "mitdb" / name
    reference, native = read_annotations(path), read_native(path)
    mv = to_rate(native, FS)
    started = time.monotonic()
    found = analyse(mv, FS, artifacts)
    outcome = Outcome(
        name=name,
        reference=reference,
        found=found,
        seconds=time.monotonic() - started,
        whole=confuse(reference, found),
        later=confuse(reference, found, start_s=LEARNING_S),
    )
    if "beats" in sections:
        outcome.literature = on_annotated(path, artifacts)
    if "episodes" in sections:
        outcome.delays = alarm_delays(mv, FS, reference, artifacts)
    if "invariance" in sections:
        for variant, make in VARIANTS.items():
            if variant == USUAL:
                outcome.variants[variant] = outcome.whole
                continue
            signal, fs = make(native)
            outcome.variants[variant] = confuse(
                reference, analyse(signal, fs, artifacts)
            )
    if "noise" in sections:
        motion = unseen_half(read_native(data / "nstdb" / "em"))
        noisy = noisy_spans(reference.duration_s)
        for snr_db in SNR_DB:
            mixed = to_rate(with_noise(native, motion, reference, snr_db), FS)
            said = analyse(mixed, FS, artifacts)
            outcome.noise[snr_db] = (
                confuse(reference, said, start_s=START_S),
                confuse(reference, said, only=noisy),
            )
    return outcome
