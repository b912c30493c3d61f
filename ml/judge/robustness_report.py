"""The noise stress test, and the same records as other devices give them."""

from __future__ import annotations

from typing import Any

from ml.data import PACED
from ml.judge.groups import Outcomes, groups, pooled
from ml.judge.invariance import VARIANTS, invariance_table
from ml.score import figures

STANDARD_NOISE = ("118", "119")  # the records of the noise stress test database


def noise_section(outcomes: Outcomes) -> dict[str, Any]:
    """Return R peaks and V with electrode motion, by signal-to-noise ratio in dB."""
    parts = {part: rows for part, rows in groups(outcomes).items() if part != "paced"}
    parts["118_119"] = [o for o in outcomes if o.name in STANDARD_NOISE]
    result: dict[str, Any] = {}
    for part, members in parts.items():
        rows = [o for o in members if o.noise and o.name not in PACED]
        for snr_db in rows[0].noise if rows else ():
            for which, name in enumerate(("from_5_min", "noisy_minutes")):
                found = figures(pooled([o.noise[snr_db][which] for o in rows]))
                by_snr = result.setdefault(part, {}).setdefault(name, {})
                by_snr[str(snr_db)] = {"qrs": found["qrs"], "V": found["V"]}
    return result


def invariance_section(outcomes: Outcomes) -> dict[str, Any]:
    """Return the figures of each rate, gain, polarity and offset, whole records."""
    return {
        part: invariance_table(
            {name: pooled([o.variants[name] for o in members]) for name in VARIANTS}
        )
        for part, members in groups(outcomes).items()
        if part != "paced"
    }
