"""How often each label is right on patients that no training has seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from inference.ecg import CLASSES
from ml.judge.beats import MISSED, Matrix
from ml.judge.ec57 import percent

ARTEFACT = CLASSES.index("Q")
NO_BEAT = "mitdb DS2 at 250 Hz: Q calls a find that is no annotated beat"
# Episodes that rest on nets trained on DS1 are judged on DS2. No rhythm label of
# mitdb taught anything about these, so all its records are unseen.
EVERYWHERE = ("AF", "PAUSE", "ASYSTOLE", "PACED")


def label_figures(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return sensitivity, +P and count of beats, R peaks and episodes by label.

    Empty unless DS2 was judged.
    """
    rows: dict[str, dict[str, Any]] = {}
    product = found.get("beats", {}).get("product", {}).get("DS2", {})
    if line := product.get("from_0_s"):
        where = "mitdb DS2, own R peaks at 250 Hz"
        for name in CLASSES:
            rows[name] = {**_row(line[name], line[name]["n"]), "protocol": where}
        rows["Q"] = {**_artefacts(np.array(line["confusion"])), "protocol": NO_BEAT}
        beats = sum(line[name]["n"] for name in CLASSES)
        rows["R"] = {**_row(line["qrs"], beats), "protocol": where}
    runs = found.get("runs", {}).get("DS2", {}).get("V", {}).get("from_0_s", {})
    if row := runs.get("couplets"):
        rows["COUPLET"] = {**_row(row, row["n"]), "protocol": "mitdb DS2, EC57 runs"}
    for part in ("DS2", "all_48"):
        spans = found.get("episodes", {}).get(part, {}).get("from_0_s", {})
        for label, row in spans.items():
            if (label in EVERYWHERE) == (part == "all_48"):
                where = f"mitdb {part.replace('_48', '')}, EC57 episodes by count"
                rows[label] = {**_row(row, row["reference"]), "protocol": where}
    return rows


def _artefacts(matrix: Matrix) -> dict[str, Any]:
    """Return the figures of Q as the net means it: a find that is no beat."""
    hit, real = int(matrix[MISSED, ARTEFACT]), int(matrix[MISSED, :MISSED].sum())
    said = int(matrix[:, ARTEFACT].sum())
    return {"se": percent(hit, real), "ppv": percent(hit, said), "n": real}


def _row(figures: dict[str, Any], count: int) -> dict[str, Any]:
    return {"se": figures["se"], "ppv": figures["ppv"], "n": count}
