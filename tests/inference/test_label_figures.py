"""How often labels are right, from the model card to the words beside a label."""

import json

import pytest

from inference.classifier import CARD_NAME
from inference.ecg.types import WORDS
from inference.label_figures import CARD, label_figures, released_figures
from inference.summary import EPISODE_WORDS

BLOCK = {
    "N": {"se": 99.96, "ppv": 97.2, "n": 44000, "protocol": "mitdb DS2"},
    "V": {"se": 96.15, "ppv": 87.81, "n": 3221, "protocol": "mitdb DS2"},
    "R": {"se": 99.92, "ppv": 99.8, "n": 49000, "protocol": "mitdb DS2"},
    "Q": {"se": 0.0, "ppv": None, "n": 7, "protocol": "mitdb DS2"},
    "AF": {"se": None, "ppv": 90.0, "n": 100, "protocol": "mitdb, 8 records"},
}
FIGURES = label_figures({"version": "7", "label_figures": BLOCK})


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        # Never rounded upwards: 87.81 are not 88.
        ("V", "87 of 100 such labels were right, 96 of 100 found"),
        ("N", "97 of 100 such labels were right, 99.9 of 100 found"),
        ("S", "not measured"),
        # Seven beats prove nothing.
        ("Q", "not measured"),
    ],
)
def test_it_says_how_often_a_beat_label_is_right(symbol, words):
    assert words in FIGURES.beat_words(symbol)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("AF", "on unseen patients 90 of 100 such episodes were right"),
        ("VT", "rests on beats: on unseen patients 87 of 100 ventricular labels"),
        ("PAUSE", "rests on R peaks: on unseen patients 99.8 of 100"),
        ("SVT", "not measured on unseen patients"),
        ("NO_DATA", ""),
        ("LEAD_OFF", ""),
    ],
)
def test_it_says_what_an_episode_rests_on(label, words):
    said = FIGURES.episode_words(label)
    assert said == words or (words and said.startswith(words))


def test_it_says_whose_figures_these_are():
    assert FIGURES.source == "Figures of tc-7: mitdb DS2."
    assert FIGURES.beat_short("V") == "87 of 100 right"
    assert FIGURES.legend() == (
        "On unseen patients 87 of 100 ventricular labels were right, 96 of 100 found."
    )


def test_it_says_nothing_without_figures():
    none = label_figures({})
    assert (none.legend(), none.source, none.beat_short("V")) == ("", "", "")


def test_it_reads_the_card_of_the_released_artifact():
    assert CARD.name == CARD_NAME
    card = json.loads(CARD.read_text())
    figures = released_figures()
    assert figures.annotator == f"tc-{card['version']}"
    if not (card["figures"] or card.get("label_figures")):
        pytest.skip("not run: the artifact has not been judged yet")
    for symbol in "NSV":
        assert "of 100 such labels were right" in figures.beat_words(symbol)
    assert [word for word, _ in figures.rows] == list(WORDS.values())
    for label in EPISODE_WORDS:
        assert isinstance(figures.episode_words(label), str)
