"""What somebody says of a record: a cardiologist, the analysis, or a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import wfdb
from numpy.typing import NDArray

from inference.ecg import CLASSES
from ml.data import AAMI

# The rhythms of mitdb that the analysis also names. Atrial flutter is told apart
# from fibrillation; ventricular flutter comes from the marks [ and ] instead.
RHYTHMS = {
    "(AFIB": "AF",
    "(AFL": "AFL",
    "(VT": "VT",
    "(SVTA": "SVT",
    "(B": "BIGEMINY",
    "(T": "TRIGEMINY",
    "(P": "PACED",
}
Times = NDArray[np.float64]


class Span(NamedTuple):
    """A stretch of time in s, the end not included."""

    start: float
    end: float


@dataclass(frozen=True)
class Reading:
    """Beats at ``times_s`` with ``classes`` (index into CLASSES), and episodes.

    ``spans`` holds the episodes by label; VF is ventricular flutter or fibrillation.
    ``probabilities`` [n, 5] are the analysis' own.
    """

    duration_s: float
    times_s: Times
    classes: NDArray[np.uint8]
    spans: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    probabilities: NDArray[np.float32] | None = None

    def label(self, name: str) -> tuple[Span, ...]:
        """Return the episodes of one label, none if it never occurs."""
        return self.spans.get(name, ())


def read_annotations(
    path: Path, annotator: str = "atr", annotations: Path | None = None
) -> Reading:
    """Read the beats, rhythms and flutter of a WFDB annotation file.

    ``path`` is the record's; ``annotations`` that of the annotations, both without
    their endings, if they lie elsewhere.
    """
    header = wfdb.rdheader(str(path))
    said = wfdb.rdann(str(annotations or path), annotator)
    at = np.asarray(said.sample) / header.fs
    duration_s = header.sig_len / header.fs
    beats = [k for k, symbol in enumerate(said.symbol) if symbol in AAMI]
    spans = _rhythms(at.tolist(), said.symbol, said.aux_note, duration_s)
    edges = [at[k] for k, symbol in enumerate(said.symbol) if symbol in "[]"]
    if edges:
        pairs = zip(edges[::2], edges[1::2], strict=True)
        spans["VF"] = tuple(Span(float(start), float(end)) for start, end in pairs)
    return Reading(
        duration_s=duration_s,
        times_s=at[beats],
        classes=np.array(
            [CLASSES.index(AAMI[said.symbol[k]]) for k in beats], dtype=np.uint8
        ),
        spans=spans,
    )


def _rhythms(
    at: list[float], symbols: list[str], notes: list[str], end: float
) -> dict[str, tuple[Span, ...]]:
    """Return the rhythm episodes: each lasts until the next change of rhythm."""
    changes = [
        (time, note.rstrip("\0"))
        for time, symbol, note in zip(at, symbols, notes, strict=True)
        if symbol == "+" and note.startswith("(")
    ]
    spans: dict[str, tuple[Span, ...]] = {}
    ends = [time for time, _ in changes[1:]] + [end]
    for (start, note), stop in zip(changes, ends, strict=True):
        if (label := RHYTHMS.get(note)) is not None:
            spans[label] = (*spans.get(label, ()), Span(start, stop))
    return spans
