"""Judge WFDB annotation files against the reference, as bxb and rxr do.

``python -m ml.judge DIR/mitdb/119 DIR/mitdb/223 --found OUTPUT`` after
``python manage.py analyse ... --output OUTPUT``; ``--annotator`` names any other.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from ml.judge.beats import confuse
from ml.judge.ec57 import gross_and_average
from ml.judge.reading import read_annotations
from ml.judge.record import LEARNING_S
from ml.judge.runs import compare_runs, run_figures
from ml.score import figures


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", nargs="+", type=Path, help="paths without ending")
    parser.add_argument("--found", type=Path, help="folder of the annotations judged")
    parser.add_argument("--annotator", default="tc")
    parser.add_argument("--reference", default="atr")
    parser.add_argument("--start", type=float, default=LEARNING_S, help="in s")
    options = parser.parse_args()
    matrices, there, back = [], [], []
    for path in options.records:
        folder = options.found or path.parent
        real = read_annotations(path, options.reference)
        said = read_annotations(path, options.annotator, folder / path.name)
        matrices.append(confuse(real, said, start_s=options.start))
        runs = compare_runs(real, said, start_s=options.start)
        there.append(runs[0])
        back.append(runs[1])
    found = {
        "from_s": options.start,
        "ec57": gross_and_average(matrices),
        "beats": figures(np.sum(matrices, axis=0)),
        "v_runs": run_figures(np.sum(there, axis=0), np.sum(back, axis=0)),
        "records": {
            path.name: matrix.tolist()
            for path, matrix in zip(options.records, matrices, strict=True)
        },
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
