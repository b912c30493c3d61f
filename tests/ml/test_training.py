"""One epoch of training, export, and the same answers from Keras and LiteRT."""

from pathlib import Path

import numpy as np
import pytest

from inference.classifier import load_classifier
from inference.ecg.beats import FEATURES
from inference.ecg.grid import WINDOW
from ml.data import read_mitdb, read_noise

pytestmark = pytest.mark.slow


def test_it_trains_exports_and_agrees_with_itself(
    ecg_data: Path, tmp_path: Path
) -> None:
    from ml.augment import add_noise, draw
    from ml.examples import examples_of, join
    from ml.export import export, largest_difference, to_litert
    from ml.fit import fit, predict

    rng = np.random.default_rng(0)
    records = read_mitdb(ecg_data, ["209", "223"])
    noisy = add_noise(records[1], read_noise(ecg_data), rng)
    examples = join([examples_of(r, k) for k, r in enumerate([*records, noisy])])
    assert len(examples) == len(records[0].samples) + 2 * len(records[1].samples)
    assert np.isfinite(examples.features).all()

    windows, features = draw(examples, np.arange(500), rng)
    assert windows.shape == (500, WINDOW, 2)
    assert features.shape == (500, len(FEATURES))

    model = fit(examples, epochs=1, beats=4096, seed=1)
    said = predict(model, examples).argmax(axis=1)
    assert (said == examples.classes).mean() > 0.6

    assert largest_difference(model, to_litert(model)) <= 1e-5
    export(model, tmp_path, training={"records": ["209", "223"]})
    classify = load_classifier(tmp_path)
    again = model.predict([windows, features], batch_size=64, verbose=0)
    np.testing.assert_allclose(classify(windows, features), again, atol=1e-5)
