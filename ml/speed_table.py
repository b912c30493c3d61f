"""The table of speed, from what ``python -m bench.analysis --json`` printed."""

from __future__ import annotations

from typing import Any

from ml.card_tables import table


def speed(bench: dict[str, Any]) -> str:
    """Return seconds for 24 h by step and detector, and what a live record takes."""
    day = bench["per_24_h"]
    rows: list[tuple[str, Any, Any]] = []

    def add(name: str, spent: dict[str, float]) -> None:
        rows.append((name, spent["wall_s"], spent["cpu_s"]))

    add("**everything**", day["everything"])
    add("R peaks alone", day["r_peaks"])
    for step, spent in day["steps"].items():
        add(step, spent)
    for step, spent in day["alone"].items():
        add(f"{step}, by itself", spent)
    add("summary", day["summary"])
    for name, row in bench["others"].items():
        if "per_24_h" in row:
            add(f"{name} {row['version']}", row["per_24_h"])
    live = [
        (count, row["blocks_per_s"], row["cpu_ms_per_record_and_s"])
        for count, row in bench["live"].items()
    ]
    return "\n\n".join(
        (
            f"{bench['signal']}; {bench['machine']}.",
            table(("24 h of signal", "wall s", "processor s"), rows),
            table(("live records", "blocks of 1 s per s", "ms of processor"), live),
        )
    )
