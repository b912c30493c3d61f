"""Judge the released artifact on mitdb, on the two lines that are never mixed.

Product line: raw samples at 250 Hz in, own R peaks, beat by beat within 150 ms.
Literature line: annotated R peaks. Both on the first signal, whole records.
``python -m ml.evaluate --data DIR --json`` prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from inference.classifier import Classifier, load_classifier
from inference.ecg import advance, finish, initial_state
from inference.ecg.af import gate
from inference.ecg.beats import to_input
from inference.ecg.grid import WINDOW
from ml.data import (
    DS1,
    DS2,
    FS,
    PACED,
    Record,
    check_counts,
    data_folder,
    read_mitdb,
)
from ml.examples import MARGIN, examples_of
from ml.score import MISSED, Matrix, compare, figures, table

ARTIFACTS = Path("inference/artifacts")


def analyse(record: Record, classify: Classifier) -> tuple[Any, Any, int]:
    """Return samples and classes of the beats found, and the number of episodes."""
    whole = len(record.mv) // FS * FS
    state = initial_state(fs=FS)
    ((state, first),) = advance([state], [record.mv[:whole]], classify=classify)
    (last,) = finish([state], [record.mv[whole:]], classify=classify)
    samples = np.concatenate((first.beats.samples, last.beats.samples))
    classes = np.concatenate((first.beats.classes, last.beats.classes))
    return samples, classes, len(first.episodes)


def on_annotated(record: Record, classify: Classifier) -> Matrix:
    """Return the confusion matrix with the R peaks of the annotation."""
    beats = examples_of(record)
    windows = beats.wide[:, MARGIN : MARGIN + WINDOW].astype(np.float64)
    windows -= np.median(windows, axis=1, keepdims=True)
    pair = to_input(windows, beats.templates.astype(np.float64))
    said = gate(classify(pair.astype(np.float32), beats.features), beats.af)
    matrix = np.zeros((MISSED + 1, MISSED + 1), dtype=np.int64)
    np.add.at(matrix, (beats.classes, said.argmax(axis=1)), 1)
    return matrix


def evaluate(data: Path, artifacts: Path = ARTIFACTS) -> dict[str, Any]:
    """Return every figure of the artifact in a folder."""
    classify = load_classifier(artifacts)
    names = sorted(DS1 + DS2 + PACED)
    records = read_mitdb(data, names)
    for split, members in (("DS1", DS1), ("DS2", DS2)):
        check_counts([r for r in records if r.name in members], split)
    matrices: dict[str, Matrix] = {}
    later: dict[str, Matrix] = {}
    annotated: dict[str, Matrix] = {}
    spent = 0.0
    for record in records:
        started = time.monotonic()
        samples, classes, _ = analyse(record, classify)
        spent += time.monotonic() - started
        matrices[record.name] = compare(record, samples, classes)
        later[record.name] = compare(record, samples, classes, start_s=300.0)
        if record.name in DS2:
            annotated[record.name] = on_annotated(record, classify)

    def pooled(parts: dict[str, Matrix], members: list[str]) -> dict[str, Any]:
        return figures(np.sum([parts[name] for name in members], axis=0))

    without_232 = [name for name in DS2 if name != "232"]
    s_f1 = [figures(matrices[name])["S"] for name in DS2]
    return {
        "annotator": f"tc-{classify.version}",
        "protocol": "mitdb, first signal resampled to 250 Hz, 150 ms, flutter left out",
        "r_peaks": {
            "all_48": pooled(matrices, names)["qrs"],
            "all_48_from_5_min": pooled(later, names)["qrs"],
            "DS2": pooled(matrices, DS2)["qrs"],
        },
        "product_line_DS2": pooled(matrices, DS2),
        "product_line_DS2_from_5_min": pooled(later, DS2),
        "literature_line_DS2": pooled(annotated, DS2),
        "product_line_DS2_S": {
            "without_232": pooled(matrices, without_232)["S"],
            "mean_over_patients_f1": round(
                float(np.mean([row["f1"] or 0.0 for row in s_f1 if row["n"]])), 4
            ),
        },
        "seconds_for_24_h": round(spent, 2),
        "records": {
            name: {"line": table(figures(m)), "confusion": m.tolist()}
            for name, m in matrices.items()
        },
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of mitdb (default TELECARDIO_DATA)")
    parser.add_argument("--artifacts", type=Path, default=ARTIFACTS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = evaluate(data_folder(options.data), options.artifacts)
    if options.json:
        print(json.dumps(found))
        return
    print(found["annotator"], found["protocol"])
    for name, row in found["records"].items():
        print(name, row["line"])
    for name in ("all_48", "all_48_from_5_min", "DS2"):
        print("R peaks", name, found["r_peaks"][name])
    for name in ("product_line_DS2", "literature_line_DS2"):
        print(name, table(found[name]))


if __name__ == "__main__":
    main()
