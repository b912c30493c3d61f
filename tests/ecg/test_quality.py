"""Each second says how good it is, in one word and a number."""

import numpy as np
import pytest

from devices.ecg_model import synthesise
from tests.ecg.feeding import feed

FS = 250


@pytest.mark.parametrize("script", ["sinus", "pvc", "vt", "tachy", "brady", "pause"])
@pytest.mark.parametrize("gain", [0.2, 1.0, 5.0])
def test_it_calls_clean_signal_good(script: str, gain: float) -> None:
    fed = feed(synthesise(script, fs=FS, seconds=60, seed=13).mv * gain, FS)
    assert set(fed.words) == {"good"}
    assert fed.quality.min() > 60


def test_it_names_each_disturbance() -> None:
    mv = synthesise("sinus", fs=FS, seconds=100, seed=14).mv.copy()
    time = np.arange(5 * FS) / FS
    mv[20 * FS : 25 * FS] = 0.1
    mv[40 * FS : 45 * FS] = np.nan
    mv[60 * FS : 65 * FS] += (1.5 * np.sin(2 * np.pi * 50 * time)).astype(np.float32)
    mv[80 * FS : 85 * FS] = np.clip(mv[80 * FS : 85 * FS] * 9, -0.4, 0.4)
    words = feed(mv, FS).words
    assert set(words[20:25]) == {"flat"}
    assert set(words[40:45]) == {"missing"}
    assert set(words[60:65]) == {"mains"}
    assert "clipped" in words[80:85]
    assert set(words[30:39] + words[50:59] + words[70:79]) == {"good"}


def test_it_sees_muscle_noise_and_electrode_motion() -> None:
    words = feed(synthesise("noise", fs=FS, seconds=80, seed=15).mv, FS).words
    assert set(words[:14]) == {"good"}
    assert set(words[16:29]) <= {"motion", "muscle", "clipped"}
    assert set(words[32:54]) == {"good"}


def test_it_calls_the_silence_of_an_asystole_good() -> None:
    """A quiet baseline with its small noise is a patient, not a dead lead."""
    rng = np.random.default_rng(16)
    mv = synthesise("sinus", fs=FS, seconds=40, seed=16).mv.copy()
    mv[20 * FS :] = 0.01 * rng.standard_normal(20 * FS)
    fed = feed(mv, FS)
    assert set(fed.words) == {"good"}
    assert fed.labels == ["ASYSTOLE"]
