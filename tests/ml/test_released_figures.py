"""The released artifact does what its card says, and what the product needs."""

from pathlib import Path

import pytest

from inference.classifier import load_classifier
from ml.evaluate import evaluate

pytestmark = pytest.mark.slow


def test_it_reaches_the_goals_and_the_figures_of_its_card(ecg_data: Path) -> None:
    found, card = evaluate(ecg_data), load_classifier().card["figures"]
    everything = found["r_peaks"]["all_48"]
    assert everything["se"] >= 99.5
    assert everything["ppv"] >= 99.5
    ventricular = found["product_line_DS2"]["V"]
    assert ventricular["se"] >= 85.0
    assert ventricular["ppv"] >= 85.0
    assert found["r_peaks"] == card["r_peaks"]
    for name in "NSVF":
        ours, said = (f["product_line_DS2"][name] for f in (found, card))
        assert ours["f1"] == pytest.approx(said["f1"], abs=1e-3)
