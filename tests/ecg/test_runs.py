"""A row of ventricular beats is a run, also where one of them looks like noise."""

import numpy as np
import pytest

from inference.ecg import CLASSES, Episode, Limits
from inference.ecg.bounds import bounds_of
from inference.ecg.episode_log import episodes_from, new_log
from inference.ecg.runs import RUNS, Look, follow_runs

FS, APART = 250, 90  # samples: 167 beats in a minute


def run_of(symbols: str, likely_of_q: float) -> tuple[Episode, ...]:
    """Return what beats make; ``likely_of_q`` is the probability of V of each Q."""
    state, log = np.zeros(1, RUNS)[0], new_log(32)
    for k, symbol in enumerate(symbols):
        look = Look(likely_of_q if symbol == "Q" else 0.95, 0.5, 0.9, -0.3)
        aami_class = CLASSES.index(symbol)
        bounds = bounds_of(Limits())
        follow_runs(state, APART * k, aami_class, True, look, bounds, FS, log)
    return episodes_from([log.rows[: log.used[0]]], FS)


def test_it_goes_on_over_a_beat_that_may_be_ventricular() -> None:
    [episode] = run_of("NVVVQVVVN", likely_of_q=0.38)
    assert (episode.label, episode.beats) == ("VT", 7)


def test_it_ends_at_what_is_surely_no_beat() -> None:
    assert [e.label for e in run_of("NVVVQVVVN", likely_of_q=0.1)] == ["VRUN", "VRUN"]


@pytest.mark.parametrize("symbols", ["NQQQQQQN", "NVQQQQQQN"])
def test_it_makes_no_run_of_artefacts(symbols: str) -> None:
    assert run_of(symbols, likely_of_q=0.38) == ()
