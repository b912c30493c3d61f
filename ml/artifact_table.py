"""The artifacts and what they were trained on, as their own cards say it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ml.card_tables import table


def artifacts(folder: Path) -> str:
    """Return a table of the artifacts in a folder, and how each was trained."""
    cards = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    cards = [card for card in cards if "file" in card]
    rows = [
        (
            f"`{card['file']}`",
            card.get("version"),
            f"{(folder / card['file']).stat().st_size / 1000:.0f} kB",
            card.get("parameters"),
            f"`{card['sha256'][:16]}…`" if "sha256" in card else None,
        )
        for card in cards
    ]
    parts = [table(("artifact", "version", "size", "parameters", "sha256"), rows)]
    for card in cards:
        lines = [f"`{card['file']}` was trained on:", ""]
        lines += [f"* {_words(k, v)}" for k, v in card.get("training", {}).items()]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _words(key: str, value: Any) -> str:
    return f"{key.replace('_', ' ')}: {_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, list):
        return "; ".join(_plain(part) for part in value)
    return str(value)


def opened(folder: Path) -> str:
    """Return how often the test set was opened, as the cards say it."""
    cards = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    said = dict.fromkeys(card["ds2_opened"] for card in cards if "ds2_opened" in card)
    return "\n\n".join(said)


def challenge(folder: Path) -> str:
    """Return the F1 of the challenge of 2017, from the card of the rhythm."""
    rows = []
    for path in sorted(folder.glob("*.json")):
        card = json.loads(path.read_text())
        found = card.get("figures", {})
        if "mean_f1_n_a_o" in found:
            low, high = found["interval_95"]
            mean = f"{found['mean_f1_n_a_o']} ({low}–{high})"
            rows.append((*found["f1"].values(), mean))
    return table(("N", "A", "O", "noise", "mean of N, A, O (95 %)"), rows)
