"""What is reported of the records that were judged."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ml.judge.beat_report import beat_section, r_peak_section
from ml.judge.episode_report import episode_section, run_section
from ml.judge.groups import Outcomes
from ml.judge.robustness_report import invariance_section, noise_section
from ml.score import figures, table

SECTIONS = ("r_peaks", "beats", "runs", "episodes", "noise", "invariance")


def record_rows(outcomes: Outcomes) -> dict[str, Any]:
    """Return the confusion matrices of every record."""
    rows: dict[str, Any] = {}
    for o in outcomes:
        rows[o.name] = {
            "line": table(figures(o.whole)),
            "from_0_s": o.whole.tolist(),
            "from_5_min": o.later.tolist(),
        }
        if o.literature is not None:
            rows[o.name]["literature"] = o.literature.tolist()
    return rows


BUILDERS = {
    "r_peaks": r_peak_section,
    "beats": beat_section,
    "runs": run_section,
    "episodes": episode_section,
    "noise": noise_section,
    "invariance": invariance_section,
}


def report(outcomes: Outcomes, sections: Collection[str]) -> dict[str, Any]:
    """Return the figures of the sections asked for, and every record's matrices."""
    return {
        **{name: BUILDERS[name](outcomes) for name in SECTIONS if name in sections},
        "records": record_rows(outcomes),
    }
