"""The carried state is small, exact and refuses what it does not know."""

import pytest

from devices.ecg_model import synthesise
from inference.ecg import RecordState, advance, finish, initial_state
from inference.ecg.state import BadState
from inference.nets import nets


@pytest.fixture(scope="module")
def state() -> RecordState:
    mv = synthesise("pvc", fs=1000, seconds=500, seed=25).mv
    ((moved, _),) = advance([initial_state(fs=1000)], [mv], nets=nets())
    return moved


def test_it_survives_its_bytes(state: RecordState) -> None:
    data = state.to_bytes()
    assert RecordState.from_bytes(data).to_bytes() == data
    assert RecordState.from_bytes(data).sample == state.sample == 500_000


def test_it_is_small(state: RecordState) -> None:
    assert len(state.to_bytes()) < 48_000


def test_one_that_begins_later_says_the_same_from_there() -> None:
    mv = synthesise("af", fs=250, seconds=240, seed=3).mv
    whole, tail = mv[: 230 * 250], mv[230 * 250 :]
    found = []
    for origin in (0, 3600 * 250):
        blank = initial_state(fs=250, origin=origin)
        assert (blank.sample, blank.origin) == (origin, origin)
        ((moved, first),) = advance([blank], [whole], nets=nets())
        assert moved.sample == origin + len(whole) == first.end_sample
        [last] = finish([moved], [tail], nets=nets())
        assert last.end_sample == origin + len(mv)
        samples = [*first.beats.samples - origin, *last.beats.samples - origin]
        episodes = [
            (
                one.label,
                one.onset_sample - origin,
                one.end_sample and one.end_sample - origin,
            )
            for one in (*first.episodes, *last.episodes)
        ]
        still = {(label, onset - origin) for label, onset in moved.open_episodes()}
        found.append((samples, episodes, still, first.start_sample - origin))
    assert found[0] == found[1]
    assert found[0][1]
    assert found[0][2]


@pytest.mark.parametrize("cut", [0, 5, 200, -1])
def test_it_refuses_damaged_bytes(state: RecordState, cut: int) -> None:
    with pytest.raises(BadState):
        RecordState.from_bytes(state.to_bytes()[:cut])
