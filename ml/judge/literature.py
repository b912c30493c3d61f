"""The literature line: the classifier on the R peaks of the annotation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inference.ecg.af import gate
from inference.ecg.beats import to_input
from inference.ecg.grid import WINDOW
from ml.data import read_record
from ml.examples import MARGIN, examples_of
from ml.judge.analysed import released
from ml.judge.beats import MISSED, Matrix


def on_annotated(path: Path, artifacts: Path) -> Matrix:
    """Return the confusion matrix of a mitdb record's annotated beats."""
    beats = examples_of(read_record(path))
    windows = beats.wide[:, MARGIN : MARGIN + WINDOW].astype(np.float64)
    windows -= np.median(windows, axis=1, keepdims=True)
    pair = to_input(windows, beats.templates.astype(np.float64))
    classify = released(artifacts).classify
    said = gate(classify(pair.astype(np.float32), beats.features), beats.af)
    matrix = np.zeros((MISSED + 1, MISSED + 1), dtype=np.int64)
    np.add.at(matrix, (beats.classes, said.argmax(axis=1)), 1)
    return matrix
