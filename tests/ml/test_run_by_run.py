"""Runs are counted by length as EC57 does; every count here is made by hand."""

import numpy as np

from ml.judge.reading import Reading, Span
from ml.judge.runs import SUPRAVENTRICULAR, compare_runs, run_figures


def reading(beats: str, **spans: tuple[Span, ...]) -> Reading:
    """Give a beat per second; a space is none."""
    at = [k for k, symbol in enumerate(beats) if symbol != " "]
    classes = ["NSVFQ".index(beats[k]) for k in at]
    return Reading(
        len(beats), np.array(at, float), np.array(classes, np.uint8), dict(spans)
    )


def test_it_finds_the_longest_run_in_the_window_of_each() -> None:
    real = reading("NVVNNFVVNNVVVVVVVNNVNNN")
    said = reading("NVVNNNVVNNVVVNVVVNNNNVN")
    there, back = compare_runs(real, said)
    expected = {(2, 2): 1, (3, 2): 1, (6, 3): 1, (1, 0): 1}
    assert {at: there[at] for at in expected} == expected
    assert there.sum() == 4
    # Seen from what was found: the two threes lie in one long run, one V in none.
    expected = {(2, 2): 2, (3, 3): 2, (0, 1): 1}
    assert {at: back[at] for at in expected} == expected
    assert back.sum() == 5
    found = run_figures(there, back)
    assert (found["couplets"]["se"], found["couplets"]["ppv"]) == (100.0, 100.0)
    assert (found["short"]["se"], found["short"]["ppv"]) == (0.0, 100.0)
    assert (found["long"]["se"], found["long"]["ppv"]) == (0.0, None)


def test_it_takes_flutter_for_the_longest_run() -> None:
    real = reading("NNNN      NNN", VF=(Span(3.5, 9.5),))
    there, _ = compare_runs(real, reading("NNNNVVVVVVVNN"))
    assert there[6, 6] == 1
    _, back = compare_runs(real, reading("NNNNNVVNNNNNN"))
    assert back[6, 2] == 1


def test_it_counts_supraventricular_runs_and_leaves_out_the_start() -> None:
    real, said = reading("NSSNNSSSN"), reading("NSSNNSSNN")
    there, back = compare_runs(real, said, SUPRAVENTRICULAR, start_s=4.0)
    assert there[3, 2] == 1
    assert back[2, 2] == 1  # the window of a run found shows two of the three
    assert there.sum() == back.sum() == 1
