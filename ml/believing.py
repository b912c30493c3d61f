"""What is believed of a net's answers, as in service: S less in fibrillation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.ecg.af import af_probability, gate
from inference.ecg.grid import GRID_FS
from ml.examples import Examples


def believed(beats: Examples, said: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities [n, 5] of a whole lead's beats behind the AF gate."""
    af = af_probability(beats.steps, beats.pre_s, beats.post_s, said, GRID_FS)
    return gate(said, af)
