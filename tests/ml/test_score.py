"""Figures of a confusion matrix, of beats whose count is known."""

import numpy as np

from ml.judge.bootstrap import intervals
from ml.judge.calibration import calibration
from ml.judge.ec57 import detection, gross_and_average
from ml.score import MISSED, figures

MATRIX = np.array(
    [
        [90, 2, 3, 1, 0, 4],
        [5, 20, 1, 0, 0, 2],
        [4, 1, 30, 2, 0, 3],
        [2, 0, 6, 1, 0, 1],
        [0, 7, 8, 0, 0, 0],
        [3, 4, 5, 0, 0, 0],
    ]
)


def test_it_counts_qrs_and_classes() -> None:
    found = figures(MATRIX)
    assert found["qrs"] == {"se": 94.819, "ppv": 93.846, "missed": 10, "false": 12}
    assert found["V"] == {"n": 40, "se": 75.0, "ppv": 56.604, "f1": 0.6452}
    assert found["Q"]["ppv"] is None
    assert figures(np.zeros((6, 6), int))["S"]["f1"] is None


def test_it_counts_veb_and_sveb_as_the_standard_does() -> None:
    found = detection(MATRIX)
    # V on F (6) and on Q (8) counts neither way, nor does S on Q (7).
    assert [found["veb"][k] for k in ("tp", "fn", "fp")] == [30, 10, 3 + 1 + 5]
    assert [found["sveb"][k] for k in ("tp", "fn", "fp")] == [20, 8, 2 + 1 + 4]


def test_it_averages_over_the_records_that_have_any() -> None:
    other = np.zeros((6, 6), int)
    other[0, 0] = 10
    found = gross_and_average([MATRIX, other])
    assert found["veb"]["average_se"] == 75.0
    assert found["qrs"]["average_se"] == round((94.819 + 100) / 2, 3)


def test_it_gives_an_interval_around_the_figure() -> None:
    names = [str(k) for k in range(8)]
    found = intervals(names, [MATRIX] * 8)
    assert found["V_se"] == [75.0, 75.0]
    worse = MATRIX.copy()
    worse[2, MISSED] += 40
    low, high = intervals(names, [MATRIX] * 7 + [worse])["V_se"]
    assert low < figures(7 * MATRIX + worse)["V"]["se"] < high == 75.0


def test_it_says_how_true_the_probabilities_are() -> None:
    said = np.array([[0.75, 0.25, 0, 0, 0]] * 4 + [[0, 0, 0.95, 0.05, 0]] * 2)
    found = calibration(said.astype(np.float32), np.array([0, 0, 0, 1, 2, MISSED]))
    assert [row["right"] for row in found["top"]["bins"]] == [0.75, 0.5]
    assert found["top"]["ece"] == round(2 / 6 * 0.45, 4)
