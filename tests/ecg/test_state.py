"""The carried state is small, exact and refuses what it does not know."""

import pytest

from devices.ecg_model import synthesise
from inference.ecg import RecordState, advance, initial_state
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


@pytest.mark.parametrize("cut", [0, 5, 200, -1])
def test_it_refuses_damaged_bytes(state: RecordState, cut: int) -> None:
    with pytest.raises(BadState):
        RecordState.from_bytes(state.to_bytes()[:cut])
