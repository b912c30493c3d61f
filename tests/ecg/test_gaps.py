"""Missing samples are absence: no beat in them, no interval across them."""

import numpy as np
import pytest

from devices.ecg_model import synthesise
from tests.ecg.feeding import feed, missed_and_false

FS = 250


@pytest.mark.parametrize("gap_s", [0.4, 2.0, 15.0])
def test_it_reads_nothing_into_a_gap(gap_s: float) -> None:
    known = synthesise("sinus", fs=FS, seconds=90, seed=11)
    start, stop = 40 * FS + 13, int(40 * FS + 13 + gap_s * FS)
    mv = known.mv.copy()
    mv[start:stop] = np.nan
    mv[stop:] += 1.5  # the electrode came back with another offset
    fed = feed(mv, FS)
    inside = (fed.samples >= start) & (fed.samples < stop)
    assert not inside.any()
    clear = (known.r_peaks < start - FS // 5) | (known.r_peaks > stop + FS // 5)
    missed, _ = missed_and_false(known.r_peaks[clear], fed.samples, FS)
    assert missed == 0
    _, false = missed_and_false(known.r_peaks, fed.samples, FS)
    assert false == 0
    after = int(np.argmax(fed.samples >= stop))
    assert np.isnan(fed.rr_ms[after])
    assert not np.isnan(fed.rr_ms[after + 1])
    assert np.isfinite(fed.probabilities).all()
    assert fed.episodes == {}


def test_it_bridges_a_lost_sample() -> None:
    known = synthesise("sinus", fs=FS, seconds=60, seed=12)
    mv = known.mv.copy()
    mv[::97] = np.nan
    fed = feed(mv, FS)
    assert missed_and_false(known.r_peaks, fed.samples, FS) == (0, 0)
    assert set(fed.words) == {"good"}
    assert not np.isnan(fed.rr_ms[1:]).any()
