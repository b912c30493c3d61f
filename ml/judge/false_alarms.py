"""False atrial fibrillation, VT or VF and asystole in time that is free of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml.judge.episodes import merge, overlap_s
from ml.judge.expected import never_false
from ml.judge.reading import Reading

ALARMS = {"AF": ("AF",), "VT/VF": ("VT", "VF"), "ASYSTOLE": ("ASYSTOLE",)}


def false_alarms(reference: Reading, found: Reading) -> dict[str, tuple[int, float]]:
    """Return per alarm the number of false episodes and the free time in s.

    An episode is false if no part of it meets what the reference shows: for AF its
    fibrillation or flutter, for VT/VF its VT, flutter or any run of 3 V or F beats,
    for asystole an interval of 3.7 s (4 s, less 150 ms at either end).
    """
    result = {}
    for alarm, spans in never_false(reference).items():
        real = merge(spans)
        said = merge([s for label in ALARMS[alarm] for s in found.label(label)])
        free_s = reference.duration_s - sum(end - start for start, end in real)
        result[alarm] = (sum(overlap_s(span, real) == 0 for span in said), free_s)
    return result


def false_alarm_figures(
    names: Sequence[str], rows: Sequence[dict[str, tuple[int, float]]]
) -> dict[str, Any]:
    """Return per alarm the false episodes, the free hours, and where they are."""
    return {
        alarm: {
            "false": sum(row[alarm][0] for row in rows),
            "free_hours": round(sum(row[alarm][1] for row in rows) / 3600, 2),
            "records": {
                name: row[alarm][0]
                for name, row in zip(names, rows, strict=True)
                if row[alarm][0]
            },
        }
        for alarm in ALARMS
    }
