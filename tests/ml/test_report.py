"""An evaluation's figures, and the page that shows them, from made-up outcomes."""

import json
from pathlib import Path

import numpy as np
import pytest

from ml.card import fill
from ml.card_file import as_text, read_card, write_figures
from ml.card_tables import TABLES
from ml.judge.beats import confuse
from ml.judge.invariance import VARIANTS
from ml.judge.label_figures import label_figures
from ml.judge.protocol import SECTIONS, report
from ml.judge.reading import Reading, Span
from ml.judge.record import Outcome

MINUTES = 8


def an_outcome(name: str, seed: int) -> Outcome:
    """Give a record in which one beat of ten is taken for another class."""
    rng = np.random.default_rng(seed)
    times = np.arange(0.5, 60 * MINUTES, 0.8)
    real = rng.choice(4, len(times), p=[0.7, 0.1, 0.15, 0.05]).astype(np.uint8)
    said = np.where(rng.random(len(times)) < 0.1, 0, real).astype(np.uint8)
    probabilities = np.full((len(times), 5), 0.05, np.float32)
    probabilities[np.arange(len(times)), said] = 0.8
    reference = Reading(60.0 * MINUTES, times, real, {"AF": (Span(310, 350),)})
    spans = {"AF": (Span(320, 360),), "VT": (Span(20, 25),), "NOISE": (Span(1, 3),)}
    found = Reading(60.0 * MINUTES, times, said, spans, probabilities)
    whole, later = confuse(reference, found), confuse(reference, found, start_s=300)
    return Outcome(
        name=name,
        reference=reference,
        found=found,
        seconds=0.1,
        whole=whole,
        later=later,
        literature=whole,
        variants=dict.fromkeys(VARIANTS, whole),
        noise={24: (later, later), 0: (later, later)},
        delays=[("VT", 1.5), ("VT", None), ("VF", 7.0)],
    )


@pytest.fixture(scope="module")
def found() -> dict:
    figures = report([an_outcome(n, int(n)) for n in ("118", "202")], SECTIONS)
    figures["silence"] = {"alarms": 0, "flat": {"beats": 0, "episodes": {"NOISE": 1}}}
    figures["label_figures"] = label_figures(figures)
    return json.loads(json.dumps(figures))


def test_it_reports_every_part_of_the_protocol(found: dict) -> None:
    assert set(found["r_peaks"]) == {"all", "DS1", "DS2"}
    product = found["beats"]["product"]["DS2"]
    assert set(product) == {"from_0_s", "from_5_min"}
    assert product["from_0_s"]["S_three_ways"]["patients"] == 1
    assert found["episodes"]["DS2"]["from_0_s"]["AF"]["duration_se"] == 75.0
    assert found["episodes"]["all"]["vt_vf_delay"]["VT"]["reported"] == 2
    assert found["noise"]["118_119"]["from_5_min"]["24"]["V"]["n"] > 0
    difference = found["invariance"]["DS1"]["inverted"]["difference"]
    assert set(difference.values()) == {0.0}


def test_it_says_of_unseen_patients_how_often_labels_are_right(found: dict) -> None:
    rows = found["label_figures"]
    assert {"N", "S", "V", "F", "R", "VRUN", "COUPLET"} <= set(rows)
    assert "AF" not in rows  # told of all 48 records only
    assert all({"se", "ppv", "n", "protocol"} == set(row) for row in rows.values())


def test_it_fills_every_table_between_its_marks(found: dict) -> None:
    for name, make in TABLES.items():
        page = fill(
            f"before\n<!-- {name} -->\nold\n<!-- end -->\nafter", name, make(found)
        )
        assert "old" not in page
        assert page.startswith("before\n<!--")
        assert page.endswith("<!-- end -->\nafter")
        rows = [line for line in page.splitlines() if line.startswith("|")]
        assert len(rows) > 2, name


def test_it_keeps_the_card_readable(tmp_path: Path) -> None:
    (tmp_path / "beat_cnn.json").write_text('{"version": "1"}')
    write_figures(tmp_path, {"rows": [[1, 2], [3, 4]], "label_figures": {"V": {}}})
    card = read_card(tmp_path)
    assert card["figures"] == {"rows": [[1, 2], [3, 4]]}
    assert card["label_figures"] == {"V": {}}
    assert "[1, 2]" in as_text(card)
