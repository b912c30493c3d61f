"""The released artifact does what its card says."""

from pathlib import Path

import numpy as np
import pytest

from inference.classifier import ARTIFACTS, load_classifier
from ml.evaluate import judge

# One with many V, one with runs and S, one paced; none of them is of the test set.
RECORDS = ("119", "223", "104")


@pytest.mark.slow
def test_it_gives_the_matrices_of_its_card(ecg_data: Path) -> None:
    said = load_classifier().card["figures"]["records"]
    for outcome in judge(ecg_data, ARTIFACTS, RECORDS, {"r_peaks"}):
        card = np.array(said[outcome.name]["from_0_s"])
        # Another processor may round a probability at the edge the other way.
        assert np.abs(outcome.whole - card).sum() <= 4


@pytest.mark.slow
def test_it_agrees_with_the_annotation_file_that_the_product_writes(
    ecg_data: Path, tmp_path: Path
) -> None:
    from django.core.management import call_command

    from ml.judge.analysed import analyse
    from ml.judge.beats import confuse
    from ml.judge.reading import read_annotations
    from ml.judge.runs import compare_runs
    from ml.judge.signals import NATIVE_FS, read_native

    path = ecg_data / "mitdb" / "223"
    call_command("analyse", str(path), "--output", str(tmp_path), "--json")
    reference = read_annotations(path)
    written = read_annotations(path, "tc", tmp_path / "223")
    found = analyse(read_native(path).astype(np.float32), NATIVE_FS)
    np.testing.assert_array_equal(
        confuse(reference, written), confuse(reference, found)
    )
    for ours, said in zip(
        compare_runs(reference, found), compare_runs(reference, written), strict=True
    ):
        np.testing.assert_array_equal(ours, said)
