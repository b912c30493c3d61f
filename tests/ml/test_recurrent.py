"""The recurrent net: its layer as it would run live, and a short training."""

from pathlib import Path

import numpy as np
import pytest

from inference.ecg import CLASSES
from inference.ecg.grid import GRID_FS
from inference.ecg.types import Samples, Signal
from ml.data import read_mitdb
from ml.recurrent.layer import (
    ENCODED,
    RECURRENT,
    SHAPES,
    TERM_S,
    Recurrent,
    follow_beats,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def net() -> Recurrent:
    rng = np.random.default_rng(0)
    weights = (0.15 * rng.standard_normal(shape) for shape in SHAPES.values())
    return Recurrent(*(w.astype(np.float32) for w in weights), temperature=1.0)


def some_beats(count: int, seed: int = 0) -> tuple[Samples, Signal]:
    """Return one beat per second, and what the layers before made of each."""
    rng = np.random.default_rng(seed)
    encoded = rng.standard_normal((count, ENCODED)).astype(np.float32)
    return np.arange(count) * GRID_FS, encoded


def test_it_gives_probabilities(net: Recurrent) -> None:
    state = np.zeros(1, RECURRENT)[0]
    said = follow_beats(state, *some_beats(200), net)
    assert said.shape == (200, 5)
    np.testing.assert_allclose(said.sum(axis=1), 1.0, atol=1e-5)
    assert follow_beats(state, *some_beats(0), net).shape == (0, 5)


def test_beats_one_by_one_are_as_many_at_once(net: Recurrent) -> None:
    count = 3 * TERM_S
    r_peaks, encoded = some_beats(count)
    whole, single = np.zeros(2, RECURRENT)
    at_once = follow_beats(whole, r_peaks, encoded, net)
    alone = [
        follow_beats(single, r_peaks[k : k + 1], encoded[k : k + 1], net)
        for k in range(count)
    ]
    np.testing.assert_array_equal(at_once, np.concatenate(alone))
    assert whole.tobytes() == single.tobytes()


@pytest.mark.parametrize("before", [30, TERM_S, 2 * TERM_S])
def test_what_came_before_matters(net: Recurrent, before: int) -> None:
    """Also just behind the beginning of a term."""
    blank, used = np.zeros(2, RECURRENT)
    r_peaks, encoded = some_beats(before + 1)
    follow_beats(used, r_peaks[:before], encoded[:before], net)
    last = r_peaks[-1:], encoded[-1:]
    first = follow_beats(blank, *last, net)
    assert (first != follow_beats(used, *last, net)).any()


@pytest.mark.parametrize("later", [1, 3])
def test_what_is_long_past_leaves_no_trace(net: Recurrent, later: int) -> None:
    blank, used = np.zeros(2, RECURRENT)
    follow_beats(used, *some_beats(TERM_S), net)
    r_peaks, encoded = some_beats(2 * TERM_S + 1, seed=1)
    for state in (blank, used):
        follow_beats(state, r_peaks + later * TERM_S * GRID_FS, encoded, net)
    assert blank.tobytes() == used.tobytes()


def test_it_trains_on_stretches_and_says_what_keras_says(ecg_data: Path) -> None:
    from ml.examples import KINDS, annotated, examples_of, join
    from ml.fit import as_input, fit_encoder
    from ml.recurrent.fit import fit, predict
    from ml.recurrent.stretches import LENGTH, stretches_of
    from ml.synthetic import fusion_of

    rng = np.random.default_rng(0)
    records = read_mitdb(ecg_data, ["209", "223"])
    fused = fusion_of(annotated(records[1]), rng, 1)
    assert fused is not None
    shown = fused.classes[fused.kinds == KINDS.index("fusion")]
    assert len(shown)
    assert (shown == CLASSES.index("F")).all()
    leads = [examples_of(record, k) for k, record in enumerate(records)]
    examples = join([*leads, fused])

    at, weights = stretches_of(examples, rng).draw(200, rng)
    assert at.shape == weights.shape == (200, LENGTH)
    taught = weights > 0
    assert (np.diff(examples.steps[at], axis=1)[taught[:, 1:]] > 0).all()
    assert not taught[examples.kinds[at] == KINDS.index("between")].any()

    encoder = fit_encoder(examples)
    net = fit(examples, encoder, steps=310, seed=1)
    said = predict(net, encoder, leads[1])
    assert (said.argmax(axis=1) == leads[1].classes).mean() > 0.6
    first = leads[1].take(leads[1].steps < TERM_S * GRID_FS)
    seen = encoder(*as_input(first))
    of_keras = net(seen[None], training=False).numpy()[0]
    np.testing.assert_allclose(said[: len(first)], of_keras, atol=1e-4)
