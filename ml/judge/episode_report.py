"""Runs and episodes, false alarms and the delay of alarms."""

from __future__ import annotations

from typing import Any

from ml.data import PACED
from ml.judge.delay import delay_figures
from ml.judge.episodes import compare_episodes, episode_figures, total
from ml.judge.expected import expected_episodes, found_episodes
from ml.judge.false_alarms import false_alarm_figures, false_alarms
from ml.judge.groups import Outcomes, groups, pooled
from ml.judge.record import LEARNING_S
from ml.judge.runs import SUPRAVENTRICULAR, VENTRICULAR, compare_runs, run_figures

STARTS = {"from_0_s": 0.0, "from_5_min": LEARNING_S}


def run_section(outcomes: Outcomes) -> dict[str, Any]:
    """Return couplets, short and long runs, paced records left out."""
    result: dict[str, Any] = {}
    for part, members in groups(outcomes).items():
        rows = [o for o in members if o.name not in PACED]
        if not rows:
            continue
        result[part] = {}
        for kind, classes in (("V", VENTRICULAR), ("S", SUPRAVENTRICULAR)):
            for start, start_s in STARTS.items():
                pairs = [
                    compare_runs(o.reference, o.found, classes, start_s=start_s)
                    for o in rows
                ]
                there, back = (pooled(side) for side in zip(*pairs, strict=True))
                result[part].setdefault(kind, {})[start] = run_figures(there, back)
    return result


def episode_section(outcomes: Outcomes) -> dict[str, Any]:
    """Return episodes by count and duration, false alarms and alarm delays."""
    result: dict[str, Any] = {}
    for part, members in groups(outcomes).items():
        rows = result.setdefault(part, {})
        for start, start_s in STARTS.items():
            compared: dict[str, list[Any]] = {}
            for o in members:
                said = found_episodes(o.found)
                for label, real in expected_episodes(o.reference).items():
                    flutter = o.reference.label("AFL") if label == "AF" else ()
                    compared.setdefault(label, []).append(
                        compare_episodes(
                            real,
                            said[label],
                            start_s=start_s,
                            end_s=o.reference.duration_s,
                            excluded=flutter,
                        )
                    )
            rows[start] = {
                label: episode_figures(total(found))
                for label, found in compared.items()
            }
        rows["false_alarms"] = false_alarm_figures(
            [o.name for o in members],
            [false_alarms(o.reference, o.found) for o in members],
        )
        rows["vt_vf_delay"] = delay_figures([d for o in members for d in o.delays])
    return result
