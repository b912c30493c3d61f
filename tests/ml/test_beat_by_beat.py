"""Beats are paired and counted as EC57 does; every count here is made by hand."""

import numpy as np
import pytest

from ml.judge.beats import MISSED, confuse, pair_beats, true_classes
from ml.judge.reading import Reading, Span

N, S, V = 0, 1, 2


def reading(times: list[float], classes: list[int], **spans: tuple[Span, ...]):
    return Reading(60.0, np.array(times), np.array(classes, np.uint8), spans)


@pytest.mark.parametrize(
    ("reference", "found", "partners"),
    [
        ([1.0, 2.0], [1.15, 2.1501], [0, -1]),
        ([1.0, 1.12, 2.0], [1.04, 2.1], [0, -1, 1]),
        ([1.0, 1.12], [1.10], [-1, 0]),
        ([2.0], [1.9, 2.05], [1]),
        # The example of bxb, at 250 Hz: the second reference beat has a better
        # partner, so the first one gets the beat that lies between them.
        ([96 / 250, 160 / 250], [128 / 250, 185 / 250], [0, 1]),
        ([], [1.0], []),
        ([1.0], [], [-1]),
    ],
)
def test_it_pairs_each_beat_once(
    reference: list[float], found: list[float], partners: list[int]
) -> None:
    assert pair_beats(np.array(reference), np.array(found)).tolist() == partners


def test_it_counts_missed_false_and_confused_beats() -> None:
    real = reading([1, 2, 3, 4, 25], [N, V, V, S, N], VF=(Span(20, 30),))
    said = reading([1.004, 2.004, 3.004, 5, 25, 27], [N, V, N, V, V, V])
    matrix = confuse(real, said)
    assert matrix[V, V] == matrix[V, N] == matrix[S, MISSED] == matrix[MISSED, V] == 1
    assert matrix.sum() == 5  # nothing of the flutter
    assert true_classes(real, said).tolist() == [N, V, V, MISSED, 6, 6]


def test_it_leaves_out_the_learning_period_and_what_is_not_asked_for() -> None:
    real, said = reading([1, 4, 8], [N, N, V]), reading([2, 6], [N, V])
    assert confuse(real, said, start_s=3.0).sum() == 3
    assert confuse(real, said, only=[Span(7, 9)]).sum() == 1
