"""What is long past leaves no trace, so late samples need no endless recomputing."""

from pathlib import Path

import numpy as np
import wfdb

from inference.ecg import CLASSES, Limits, advance, initial_state
from inference.ecg.bounds import bounds_of
from inference.ecg.episode_log import episodes_from, new_log
from inference.ecg.runs import RUNS, Look, follow_runs
from inference.nets import nets


def test_it_meets_the_old_state_again_after_a_filled_gap(ecg_data: Path) -> None:
    record = wfdb.rdrecord(str(ecg_data / "mitdb" / "100"), channels=[0])
    whole = record.p_signal[:, 0].astype(np.float32)[: 1500 * 360]
    with_gap = whole.copy()
    with_gap[60 * 360 : 75 * 360] = np.nan
    blank = initial_state(fs=360)
    early, late = advance(
        [blank] * 2,
        [signal[: 120 * 360] for signal in (whole, with_gap)],
        nets=nets(),
    )
    assert early[0].to_bytes() != late[0].to_bytes()
    later = advance([early[0], late[0]], [whole[120 * 360 :]] * 2, nets=nets())
    assert later[0][0].to_bytes() == later[1][0].to_bytes()


def test_it_forgets_how_an_ended_run_began() -> None:
    state, log = np.zeros(1, RUNS)[0], new_log(32)
    bounds, look = bounds_of(Limits()), Look(0.9, 0.5, 0.9, -0.3)
    for k, name in enumerate("FVVVN"):
        beat_class = CLASSES.index(name)
        follow_runs(state, 200 * k, beat_class, True, look, bounds, 250, log)
    [episode] = episodes_from([log.rows[: log.used[0]]], 250)
    assert episode.beats == 4
    assert state.tobytes() == np.zeros(1, RUNS).tobytes()
