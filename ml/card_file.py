"""The card of an artifact on the disk: JSON that a person can still read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

CARD_NAME = "beat_cnn.json"
# Lists of numbers, which JSON with line breaks would spread over many lines.
FLAT_LIST = re.compile(r"\[[^\[\]{}\"]*\]")


def as_text(value: Any) -> str:
    """Return JSON with line breaks, but lists of numbers in one line."""
    text = json.dumps(value, indent=1)
    return FLAT_LIST.sub(lambda part: json.dumps(json.loads(part[0])), text) + "\n"


def read_card(folder: Path) -> dict[str, Any]:
    """Return the card in a folder."""
    card: dict[str, Any] = json.loads((folder / CARD_NAME).read_text())
    return card


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Write the card into a folder."""
    (folder / CARD_NAME).write_text(as_text(card))


def write_figures(folder: Path, found: dict[str, Any]) -> None:
    """Put the figures of an evaluation into the card.

    What the pages show beside a label stands apart, in ``label_figures``.
    """
    card = read_card(folder)
    labels = found.get("label_figures")
    card["figures"] = {k: v for k, v in found.items() if k != "label_figures"}
    if labels:
        card["label_figures"] = labels
    write_card(folder, card)
