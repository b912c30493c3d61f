"""Figures are counted as EC57 counts them."""

import numpy as np

from ml.data import Record
from ml.score import MISSED, compare, figures, match_beats


def a_record(samples: list[float], classes: list[int]) -> Record:
    return Record(
        "made",
        np.zeros(10_000, np.float32),
        np.array(samples),
        np.array(classes, np.uint8),
        flutter=((5000.0, 6000.0),),
    )


def test_it_matches_each_beat_once() -> None:
    reference = np.array([1000.0, 1030.0, 2000.0])
    found = np.array([1010, 2037, 2038, 3000])
    assert match_beats(reference, found).tolist() == [0, -1, 1]


def test_it_counts_missed_false_and_confused_beats() -> None:
    record = a_record([1000, 2000, 3000, 4000, 5500], [0, 2, 2, 1, 0])
    matrix = compare(
        record, np.array([1001, 2001, 3001, 4500, 5800]), np.array([0, 2, 0, 2, 2])
    )
    assert matrix[2, 2] == 1
    assert matrix[2, 0] == 1
    assert matrix[1, MISSED] == 1
    assert matrix[MISSED, 2] == 1
    assert matrix.sum() == 5
    found = figures(matrix)
    assert found["qrs"] == {"se": 75.0, "ppv": 75.0, "missed": 1, "false": 1}
    assert found["V"] == {"n": 2, "se": 50.0, "ppv": 50.0, "f1": 0.5}
    assert found["F"]["f1"] is None


def test_it_leaves_out_the_learning_period() -> None:
    record = a_record([1000, 4000], [0, 0])
    none = np.zeros(0, dtype=np.int64)
    assert compare(record, none, none.astype(np.uint8), start_s=8.0).sum() == 1
