"""Judge the released artifact on mitdb, on the two lines that are never mixed.

Product line: raw samples of the first signal at 250 Hz in, own R peaks, beat by beat
within 150 ms. Literature line: annotated R peaks.
``python -m ml.evaluate --data DIR --json`` prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from inference.classifier import ARTIFACTS, load_classifier
from ml.card_file import CARD_NAME, write_figures
from ml.data import DS1, DS2, PACED, check_counts, data_folder
from ml.judge.beats import true_classes
from ml.judge.label_figures import label_figures
from ml.judge.protocol import SECTIONS, report
from ml.judge.reading import read_annotations
from ml.judge.record import Outcome, judge_record
from ml.judge.silence import silence_figures
from ml.score import table

SPLITS = {"DS1": DS1, "DS2": DS2, "paced": PACED, "all": DS1 + DS2 + PACED}
PROTOCOL = (
    "mitdb, first signal resampled to 250 Hz, 150 ms, ventricular flutter left out, "
    "paired and counted as ANSI/AAMI EC57 does; 95 % intervals: 2,000 draws of patients"
)
# Figures of the scripts that trained, kept by the cards: quoted, not computed here.
QUOTED = "cross_validation"


def judge(
    data: Path,
    artifacts: Path,
    names: Sequence[str],
    sections: Collection[str],
    jobs: int = 1,
) -> list[Outcome]:
    """Return what was found of each record, the records shared among processes."""
    work = partial(judge_record, data, artifacts, sections=frozenset(sections))
    if jobs == 1:
        return [work(name) for name in names]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, names))


def evaluate(
    data: Path,
    artifacts: Path = ARTIFACTS,
    *,
    names: Sequence[str] | None = None,
    sections: Collection[str] = SECTIONS,
    jobs: int = 1,
    scores: Path | None = None,
) -> dict[str, Any]:
    """Return every figure of the artifact in a folder, on all records or some."""
    started = time.monotonic()
    names = sorted(SPLITS["all"] if names is None else names)
    for split in ("DS1", "DS2"):
        if set(SPLITS[split]) <= set(names):
            paths = [data / "mitdb" / name for name in SPLITS[split]]
            check_counts([read_annotations(path) for path in paths], split)
    outcomes = judge(data, artifacts, names, sections, jobs)
    found: dict[str, Any] = {
        "annotator": load_classifier(artifacts).annotator,
        "protocol": PROTOCOL,
        "quoted": quoted(artifacts),
        **report(outcomes, sections),
    }
    if "episodes" in sections:
        found["silence"] = silence_figures(data, artifacts)
    # The median: the first record of a process may wait for the compiler.
    shares = [o.seconds / o.reference.duration_s for o in outcomes]
    found["analysis_seconds_per_24_h"] = round(86400 * float(np.median(shares)), 2)
    found["seconds"] = round(time.monotonic() - started, 1)
    found["label_figures"] = label_figures(found)
    if scores:
        write_scores(scores, outcomes)
    return found


def quoted(artifacts: Path) -> dict[str, Any]:
    """Return what the cards in a folder quote from cross-validation, by card."""
    found: dict[str, Any] = {}
    for path in sorted(artifacts.glob("*.json")):
        card = json.loads(path.read_text())
        said = card.get(QUOTED) or (path.name != CARD_NAME and card.get("figures"))
        if said:
            found[path.stem] = said
    return found


def write_scores(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write every beat found: record, time, reference's class, probabilities.

    ``missed`` [names, 5] counts the beats that were not found, by class.
    """
    np.savez_compressed(
        path,
        records=np.concatenate([[o.name] * len(o.found.times_s) for o in outcomes]),
        times_s=np.concatenate([o.found.times_s for o in outcomes]),
        classes=np.concatenate([true_classes(o.reference, o.found) for o in outcomes]),
        probabilities=np.concatenate([o.found.probabilities for o in outcomes]),
        names=np.array([o.name for o in outcomes]),
        missed=np.stack([o.whole[:-1, -1] for o in outcomes]),
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of mitdb (default TELECARDIO_DATA)")
    parser.add_argument("--artifacts", type=Path, default=ARTIFACTS)
    parser.add_argument("--split", choices=SPLITS, default="all")
    parser.add_argument("--records", nargs="+", help="instead of a split")
    parser.add_argument("--only", help=f"some of {','.join(SECTIONS)}")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 2))
    parser.add_argument("--scores", type=Path, help="write every beat to this .npz")
    parser.add_argument("--write", action="store_true", help="into the card as well")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sections = SECTIONS if options.only is None else options.only.split(",")
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"--only knows no {', '.join(sorted(unknown))}")
    found = evaluate(
        data_folder(options.data),
        options.artifacts,
        names=options.records or SPLITS[options.split],
        sections=sections,
        jobs=options.jobs,
        scores=options.scores,
    )
    if options.write:
        write_figures(options.artifacts, found)
    if options.json:
        print(json.dumps(found))
        return
    print(found["annotator"], found["protocol"])
    for name, row in found["records"].items():
        print(name, row["line"])
    for part, row in found.get("r_peaks", {}).items():
        print("R peaks", part, row)
    for part, rows in found.get("beats", {}).get("product", {}).items():
        print("product line", part, table(rows["from_0_s"]))
    for part, row in found.get("beats", {}).get("literature", {}).items():
        print("literature line", part, table(row))


if __name__ == "__main__":
    main()
