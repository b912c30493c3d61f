"""Figures of several seeds are told as their mean and how much they differ."""

from pathlib import Path

import numpy as np
import pytest

from ml.spread import spread


def test_it_tells_mean_and_deviation_of_a_sample() -> None:
    lines = spread([{"S": 0.7, "V": 0.9}, {"S": 0.8, "V": 0.9}, {"S": 0.9, "V": 0.9}])
    assert lines.split("\n") == [
        "mean +- standard deviation of 3 seeds:",
        "  S 0.800+-0.100",
        "  V 0.900+-0.000",
    ]


def test_it_knows_no_spread_of_one_seed() -> None:
    assert spread([{"S": 0.7}]).endswith("  S 0.700+-?")


@pytest.mark.slow
def test_it_reports_what_a_try_is_judged_by(ecg_data: Path) -> None:
    from ml.cross_validation import report
    from ml.data import read_record
    from ml.examples import annotated, describe, join
    from ml.training_set import TrainingSet

    paths = [ecg_data / "mitdb" / "208", ecg_data / "svdb" / "800"]
    clean = [
        describe(annotated(read_record(path)), k, path.parent.name)
        for k, path in enumerate(paths)
    ]
    beats = TrainingSet(join(clean), clean, ["208/0", "800/0"])
    said = [np.eye(5, dtype=np.float32)[part.classes] for part in clean]
    shown = report(beats, said, "right")
    assert list(shown) == [
        *("DS1 S F1", "DS1 S F1, patient mean", "DS1 V F1", "DS1 V Se", "DS1 V +P"),
        "208 F F1",
        *("svdb S F1", "svdb S F1, patient mean"),
        *("svdb V F1", "svdb V Se", "svdb V +P"),
    ]
    assert shown["DS1 V F1"] == shown["208 F F1"] == shown["svdb V Se"] == 1
    said[0][clean[0].classes == 3] = [0, 0, 1, 0, 0]  # F taken for V
    shown = report(beats, said, "wrong")
    assert shown["208 F F1"] == 0
    assert shown["DS1 V Se"] == 1 > shown["DS1 V +P"]
