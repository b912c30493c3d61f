"""A few steps of training, export, and the same answers from Keras and LiteRT."""

from pathlib import Path

import numpy as np
import pytest

from inference.classifier import ArtifactRefused
from inference.ecg.heat import CONTEXT, LONG_S
from inference.r_peak_net import CARD_NAME, load_r_peak_net
from ml.data import Record

pytestmark = pytest.mark.slow


def test_it_trains_exports_and_agrees_with_itself(tmp_path: Path) -> None:
    from devices.ecg_model import synthesise
    from ml.r_peak_data import track_of
    from ml.r_peak_export import ask_keras, export
    from ml.r_peak_fit import WINDOW, fit
    from ml.r_peak_noise import Noises

    known = synthesise("sinus", fs=250, seconds=90, seed=7)
    peaks = known.r_peaks.astype(float)
    classes = np.zeros(len(peaks), np.uint8)
    record = Record("synthetic", known.mv.astype(np.float32), peaks, classes)
    noise = np.random.default_rng(7).standard_normal(30_000).astype(np.float32)
    model = fit(
        [(1.0, [track_of(record, "synthetic")])],
        Noises([noise], np.ones(1)),
        steps=2,
        seed=0,
    )
    export(model, tmp_path, training={"records": ["synthetic"]})
    net = load_r_peak_net(tmp_path)
    rng = np.random.default_rng(8)
    windows = rng.standard_normal((9, WINDOW)).astype(np.float32)
    np.testing.assert_allclose(net(windows), ask_keras(model, windows), atol=1e-5)

    long = rng.standard_normal((2, CONTEXT + LONG_S * 125)).astype(np.float32)
    at = 17 * 125
    short = long[:, at : at + CONTEXT + 125]
    np.testing.assert_array_equal(net(long)[:, at : at + 125], net(short))

    (tmp_path / CARD_NAME).write_text("{}")
    with pytest.raises(ArtifactRefused, match="r_peak_train"):
        load_r_peak_net(tmp_path)


def test_it_takes_noise_from_unreadable_records_where_nobody_sees_a_beat() -> None:
    from ml.r_peak_data import Track
    from ml.r_peak_noise import Noises, noise_to_add, vary

    rng = np.random.default_rng(9)
    band = rng.standard_normal(30 * 125).astype(np.float32)
    beats = np.arange(1250, 2500, 100)
    band[beats] = 50.0
    unsure = np.zeros(len(band), dtype=bool)
    unsure[2500:] = True
    track = Track("unreadable", "unreadable", band, beats, unsure, 1.0)
    plain = Noises([rng.standard_normal(6000).astype(np.float32)], np.ones(1))
    noises = vary(plain, [track], seed=0)
    assert len(noises.parts[-1]) < 1250  # up to the first beat
    assert np.abs(noises.parts[-1]).max() < 8
    assert noises.chances.sum() == pytest.approx(1.0)
    for _ in range(50):
        assert np.isfinite(noise_to_add(3750, 1.0, noises, rng, 0.0)).all()
