"""One epoch of training, export, and the same answers from Keras and LiteRT."""

from pathlib import Path

import numpy as np
import pytest

from inference.classifier import load_classifier
from inference.ecg import CLASSES
from inference.ecg.beats import FEATURES
from inference.ecg.grid import WINDOW
from inference.r_peak_net import load_r_peak_net
from ml.data import read_mitdb, read_noise

pytestmark = pytest.mark.slow


def test_it_trains_exports_and_agrees_with_itself(
    ecg_data: Path, tmp_path: Path
) -> None:
    from ml.augment import add_noise, draw
    from ml.examples import annotated, describe, examples_of, join
    from ml.export import export, largest_difference, to_litert
    from ml.fit import as_input, fit, fit_encoder, predict
    from ml.found import finder, found_in
    from ml.model import together
    from ml.synthetic import ectopy_of, fusion_of

    rng = np.random.default_rng(0)
    records = read_mitdb(ecg_data, ["209", "223"])
    noisy = add_noise(records[1], read_noise(ecg_data), rng)
    found = found_in(noisy, finder(load_r_peak_net()), 1)
    beats = found.classes != CLASSES.index("Q")
    assert beats.sum() > 0.95 * len(records[1].samples)
    assert 10 < (~beats).sum() < 0.1 * len(found)
    examples = join([*(examples_of(r, k) for k, r in enumerate(records)), found])
    made = [make(annotated(records[1]), rng, 1) for make in (fusion_of, ectopy_of)]
    assert all(part is not None for part in made)
    examples = join([examples, *made])
    assert np.isfinite(examples.features).all()

    windows, features = draw(examples, np.arange(500), rng)
    assert windows.shape == (500, WINDOW, 2)
    assert features.shape == (500, len(FEATURES))

    encoder = fit_encoder(examples)
    nets = [fit(examples, encoder, epochs=1, beats=20_000, seed=k) for k in (1, 2)]
    real = describe(annotated(records[0]))
    said = predict(nets[0], real)
    assert (said.argmax(axis=1) == real.classes).mean() > 0.6

    model = together(nets, temperature=1.0)
    some = [windows[:64], features[:64]]
    expected = (predict(nets[0], real.take(np.arange(64))) * 0.5) + (
        predict(nets[1], real.take(np.arange(64))) * 0.5
    )
    asked = model.predict(list(as_input(real.take(np.arange(64)))), verbose=0)
    np.testing.assert_allclose(asked, expected, atol=1e-5)
    assert largest_difference(model, to_litert(model)) <= 1e-5
    export(model, tmp_path, training={"records": ["209", "223"]})
    classify = load_classifier(tmp_path)
    again = model.predict(some, batch_size=64, verbose=0)
    np.testing.assert_allclose(classify(*some), again, atol=1e-5)
