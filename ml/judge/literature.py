"""The literature line: the classifier on the R peaks of the annotation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.believing import believed
from ml.data import read_record
from ml.examples import examples_of
from ml.fit import as_input
from ml.judge.analysed import released
from ml.judge.beats import MISSED, Matrix


def on_annotated(path: Path, artifacts: Path) -> Matrix:
    """Return the confusion matrix of a mitdb record's annotated beats."""
    beats = examples_of(read_record(path))
    classify = released(artifacts).classify
    said = believed(beats, classify(*as_input(beats)))
    matrix = np.zeros((MISSED + 1, MISSED + 1), dtype=np.int64)
    np.add.at(matrix, (beats.classes, said.argmax(axis=1)), 1)
    return matrix
