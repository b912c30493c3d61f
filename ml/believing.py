"""What is believed of a net's answers, as in service: S less in fibrillation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.ecg.af import af_probability, gate
from inference.ecg.atrial import ATRIAL, atrial_evidence
from inference.ecg.atrial_model import ATRIAL_NET
from inference.ecg.beats import FEATURES
from inference.ecg.grid import GRID_FS, WINDOW
from ml.examples import MARGIN, Examples

LIKE = FEATURES.index("like_qrs")


def evidence_of(beats: Examples) -> NDArray[np.float64]:
    """Return the atrial evidence [n] at each beat of a whole lead."""
    windows = np.ascontiguousarray(beats.wide[:, MARGIN : MARGIN + WINDOW])
    like = beats.features[:, LIKE].astype(np.float64)
    return atrial_evidence(np.zeros(1, ATRIAL)[0], windows, like, ATRIAL_NET)


def believed(beats: Examples, said: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities [n, 5] of a whole lead's beats behind the AF gate."""
    rows = beats.steps, beats.pre_s, beats.post_s, said, evidence_of(beats)
    af = af_probability(*rows, GRID_FS)
    return gate(said, af)
