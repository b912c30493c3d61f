"""The rhythm of a short recording as a whole."""

import numpy as np
import pytest

from devices.ecg_model import synthesise
from inference.files.analysis import analyse_record
from inference.files.record import FileRecord
from inference.nets import nets
from inference.recording_rhythm import LONGEST_S, recording_rhythm
from inference.report import rhythm_words
from inference.rhythm import rhythm_model

FS = 250


def rhythm_of(mv: np.ndarray):
    adu = np.rint(mv[:, np.newaxis] * 1000).astype(np.int16)
    record = FileRecord(
        name="r1", fs=FS, leads=("I",), gain=1000, baseline=0, samples=adu
    )
    beats = analyse_record(record, nets=nets()).beats
    return recording_rhythm(rhythm_model(), mv, fs=FS, beats=beats)


@pytest.mark.parametrize(("kind", "label"), [("sinus", "N"), ("af", "A")])
def test_it_names_the_rhythm_of_half_a_minute(kind, label):
    found = rhythm_of(synthesise(kind, fs=FS, seconds=30).mv)
    assert (found.label, found.windows, found.agreeing) == (label, 1, 1)
    words = rhythm_words(found)
    assert words.startswith(f"{found.words} ")
    assert "on unseen recordings" in words


def test_it_lets_no_normal_minute_outvote_fibrillation():
    parts = [synthesise(kind, fs=FS, seconds=60).mv for kind in ("sinus", "af")]
    found = rhythm_of(np.concatenate([parts[0], parts[0], parts[1]]))
    assert found.label == "A"
    assert found.agreeing < found.windows == 6
    assert f"in {found.agreeing} of 6 half minutes" in rhythm_words(found)


def test_it_says_nothing_of_what_is_too_short_or_long():
    assert rhythm_of(synthesise("sinus", fs=FS, seconds=5).mv) is None
    long = np.zeros(LONGEST_S * FS + 1, np.float32)
    assert recording_rhythm(rhythm_model(), long, fs=FS, beats=None) is None
