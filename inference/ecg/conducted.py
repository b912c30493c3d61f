"""What intervals say between beats that look conducted.

Ventricular beats leave pauses behind them, so that in bigeminy the slow intervals of
a patient are those pauses and every normal beat looks early. Between two beats whose
QRS is the patient's own there is no such pause.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.compiled import State, compiled
from inference.ecg.medians import middle, slide
from inference.ecg.types import Array

KEPT = 60
ALIKE = 0.85  # correlation of QRS with the template's
WIDER = 0.25  # in the units of the feature width_difference: 25 ms
EARLY = 0.85  # of the upper quartile

CONDUCTED_FEATURES = (
    "conducted_log_pre_upper",
    "conducted_log_post_upper",
    "conducted_log_pre_median",
    "conducted_log_upper_median",
    "conducted_early_share",
    "conducted_log_pair",
    "conducted",
    "conducted_before",
)

CONDUCTED = np.dtype(
    [
        ("intervals", "f8", (KEPT,)),  # the latest last, NaN: none yet
        ("ordered", "f8", (KEPT,)),
        ("count", "i8"),
        ("before", "u1"),  # whether the beat before looked conducted,
        ("pre_before", "f8"),  # and its pre-RR in s, NaN: unknown
    ],
    align=True,
)


def start_conducted(state: State) -> None:
    """Set a zeroed CONDUCTED record to that of a record without a beat."""
    state["intervals"][:] = np.nan
    state["pre_before"] = np.nan


@compiled
def describe_conducted(
    state: State, pre: float, post: float, like_qrs: float, wider: float, row: Array
) -> None:
    """Write CONDUCTED_FEATURES [8] of a beat to ``row``; what is unknown is 0.

    ``pre`` and ``post`` are the intervals around it in s (NaN: unknown), ``like_qrs``
    and ``wider`` its features like_qrs and width_difference. References are quantiles
    of the last 60 intervals between two beats that look conducted. Our own. Updates
    ``state`` (CONDUCTED). Causal but for ``post``.
    """
    is_own = like_qrs > ALIKE and wider < WIDER
    if is_own and state.before and not np.isnan(pre):
        leaving = state.intervals[0]
        state.count = slide(state.ordered, state.count, leaving, pre)
        for k in range(KEPT - 1):
            state.intervals[k] = state.intervals[k + 1]
        state.intervals[KEPT - 1] = pre
    known = state.ordered[: state.count]
    upper = usual = np.nan
    early = 0
    if len(known):
        upper, usual = known[int((len(known) - 1) * 0.75)], middle(known)
        for interval in known:
            early += interval < EARLY * upper
    row[0] = np.log(pre / upper)
    row[1] = np.log(post / upper)
    row[2] = np.log(pre / usual)
    row[3] = np.log(upper / usual)
    row[4] = early / max(len(known), 1)
    row[5] = np.log((pre + state.pre_before) / (2 * usual))
    row[6] = is_own
    row[7] = state.before
    for k in range(6):
        if np.isnan(row[k]):
            row[k] = 0.0
    state.before = is_own
    state.pre_before = pre
