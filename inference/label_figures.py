"""How often the labels are right, as the model card says it.

The card's block, written by ``ml.export.write_figures``, is

    "label_figures": {
        "V": {"se": 96.15, "ppv": 87.81, "n": 3221, "protocol": "mitdb DS2, ..."},
        "AF": {"se": 97.0, "ppv": 90.1, "n": 107, "protocol": "..."},
        ...
    }

Keys are the beat classes (N S V F Q), ``R`` for the R peaks, and the labels of
episodes. ``se`` and ``ppv`` are percent (EC57) on patients that training has not seen,
None where they were not measured; ``n`` counts what a person labelled so. A card
without the block is read from its ``figures`` of the product line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from inference.ecg.types import WORDS

CARD = Path(__file__).parent / "artifacts" / "beat_cnn.json"
R_PEAKS = "R"
# Of fewer labelled ones no share is told.
LEAST = 30
# What an episode rests on, where its own kind was not measured.
_BASIS = {
    **dict.fromkeys(("VT", "VRUN", "COUPLET", "BIGEMINY", "TRIGEMINY"), "V"),
    "SVT": "S",
    **dict.fromkeys(("TACHY", "EXTREME_TACHY", "BRADY", "EXTREME_BRADY"), R_PEAKS),
    **dict.fromkeys(("PAUSE", "ASYSTOLE"), R_PEAKS),
}


@dataclass(frozen=True)
class LabelFigure:
    """Of 100 such labels ``ppv`` were right, of 100 that are such ``se`` were found."""

    label: str
    se: float | None
    ppv: float | None
    protocol: str


@dataclass(frozen=True)
class LabelFigures:
    """The figures of one annotator; what was not measured is absent."""

    annotator: str
    of: Mapping[str, LabelFigure]

    def beat_words(self, symbol: str) -> str:
        """Say how good a beat label is."""
        figure = self.of.get(symbol)
        if figure is None:
            return "not measured on unseen patients"
        return f"on unseen patients {_shares(figure, 'such labels')}"

    def beat_short(self, symbol: str) -> str:
        """Say it where there is little room; empty if it was not measured."""
        figure = self.of.get(symbol)
        if figure is None or figure.ppv is None:
            return ""
        return f"{_count(figure.ppv)} of 100 right"

    def episode_words(self, label: str) -> str:
        """Say how good the label of an episode is, or what it rests on.

        Empty for one that the signal analysis does not tell, such as missing data.
        """
        figure = self.of.get(label) if label != R_PEAKS else None
        if figure is not None:
            return f"on unseen patients {_shares(figure, 'such episodes')}"
        basis = self.of.get(_BASIS.get(label, ""))
        if basis is None:
            return "not measured on unseen patients" if label in _MEASURABLE else ""
        if basis.label == R_PEAKS:
            return f"rests on R peaks: on unseen patients {_shares(basis, 'R peaks')}"
        beats = f"{WORDS[basis.label]} labels"
        return f"rests on beats: on unseen patients {_shares(basis, beats)}"

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Return each beat class in words, with how good its label is."""
        return [(word, self.beat_words(symbol)) for symbol, word in WORDS.items()]

    @property
    def source(self) -> str:
        """Say whose figures these are and how they were measured; empty: none."""
        figure = self.of.get("V") or next(iter(self.of.values()), None)
        return f"Figures of {self.annotator}: {figure.protocol}." if figure else ""

    def legend(self) -> str:
        """Say in one line how good the labels of ectopic beats are; empty: unknown."""
        parts = [
            _shares(self.of[symbol], f"{WORDS[symbol]} labels")
            for symbol in ("V", "S")
            if symbol in self.of
        ]
        return f"On unseen patients {'; '.join(parts)}." if parts else ""


_MEASURABLE = frozenset({*_BASIS, "AF", "AFIB", "VF", "PACED"})


def label_figures(card: Mapping[str, Any]) -> LabelFigures:
    """Return the figures that a model card holds."""
    block = card.get("label_figures") or _derived(card)
    found = {
        label: LabelFigure(label, row.get("se"), row.get("ppv"), row["protocol"])
        for label, row in block.items()
        if row.get("n", LEAST) >= LEAST
        and not (row.get("se") is None and row.get("ppv") is None)
    }
    return LabelFigures(f"tc-{card.get('version', '?')}", found)


@cache
def released_figures(path: Path = CARD) -> LabelFigures:
    """Return the figures of the released artifact, read once per process."""
    try:
        card = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError):
        card = {}
    return label_figures(card)


def _derived(card: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    figures = card.get("figures") or {}
    line = figures.get("product_line_DS2") or {}
    protocol = f"{figures.get('protocol', '')}; DS2".removeprefix("; ")
    rows = {name: line[name] for name in WORDS if name in line}
    if "qrs" in line:
        rows[R_PEAKS] = line["qrs"]
    return {name: {**row, "protocol": protocol} for name, row in rows.items()}


def _shares(figure: LabelFigure, what: str) -> str:
    parts = []
    if figure.ppv is not None:
        parts.append(f"{_count(figure.ppv)} of 100 {what} were right")
    if figure.se is not None:
        parts.append(f"{_count(figure.se)} of 100 found")
    return ", ".join(parts)


def _count(percent: float) -> str:
    """Round downwards, and never a miss away."""
    return f"{int(percent * 10) / 10:g}" if percent >= 99 else f"{int(percent)}"
