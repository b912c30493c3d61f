"""Fill the tables of docs/model-card.md from the figures of the released artifact.

``python -m ml.card`` reads the artifact's card; ``--figures FILE`` what
``python -m ml.evaluate --json`` printed, ``--bench FILE`` what
``python -m bench.analysis --json`` printed. The text around the tables stays.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from inference.classifier import ARTIFACTS
from ml.artifact_table import artifacts, challenge, opened
from ml.card_file import read_card
from ml.card_tables import TABLES
from ml.speed_table import speed

PAGE = Path("docs/model-card.md")
PLACE = "<!-- {name} -->\n{body}\n<!-- end -->"


def fill(page: str, name: str, body: str) -> str:
    """Put a table between its marks, if the page has them."""
    marks = re.compile(rf"<!-- {name} -->\n.*?<!-- end -->", re.DOTALL)
    return marks.sub(lambda _: PLACE.format(name=name, body=body), page)


def main() -> None:
    """Rewrite the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=Path, help="default: the artifact's card")
    parser.add_argument("--bench", type=Path)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    if options.figures:
        found = json.loads(options.figures.read_text())
    else:
        card = read_card(ARTIFACTS)
        found = {**card["figures"], "label_figures": card.get("label_figures", {})}
    page = options.page.read_text()
    for name, make in TABLES.items():
        try:
            page = fill(page, name, make(found))
        except KeyError as missing:
            print(f"{name}: the figures hold no {missing}")
    page = fill(page, "artifacts", artifacts(ARTIFACTS))
    page = fill(page, "challenge", challenge(ARTIFACTS))
    page = fill(page, "ds2_opened", opened(ARTIFACTS))
    if options.bench:
        page = fill(page, "speed", speed(json.loads(options.bench.read_text())))
    options.page.write_text(page)


if __name__ == "__main__":
    main()
