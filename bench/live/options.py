"""What is asked of a run."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from devices.simulator.body_format import FORMATS


@dataclass(frozen=True)
class Options:
    """One run; ``seconds`` are measured after ``warm_up_s``."""

    devices: int
    seconds: float
    packet_s: float
    viewers: int
    warm_up_s: float
    form: str
    data: Path | None
    backfill_devices: int = 0
    backfill_hours: float = 10.0
    unthrottled: bool = False
    profile: Path | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run."""
    add = parser.add_argument
    add("--devices", type=int, default=100)
    add("--seconds", type=float, default=60.0, help="measured, after the warm-up")
    add("--packet-s", type=float, default=2.0, help="signal in a packet (1, 2 or 5)")
    add("--viewers", type=int, default=16, help="doctors' pages, of 16 patients each")
    warm_up = "1200: a steady state with compaction, 300: enough for memory alone"
    add("--warm-up-s", type=float, default=20.0, help=warm_up)
    add("--format", choices=FORMATS, default="binary", dest="form")
    data = os.environ.get("TELECARDIO_DATA")
    add("--data", type=Path, default=data, help="the folder of ECG records")
    add("--backfill-devices", type=int, default=0, help="that upload a backlog beside")
    add("--backfill-hours", type=float, default=10.0, help="of backlog, each")
    add("--unthrottled", action="store_true", help="lift the budget of each device")
    add("--profile", type=Path, help="a folder for stacks of ingest, worker and web")


def options_of(parser: argparse.ArgumentParser, said: argparse.Namespace) -> Options:
    """Check what was asked for; end with a word if it cannot be done."""
    if not 1 <= said.devices + said.backfill_devices <= 9000:
        parser.error("--devices: 1 to 9000, with those of the backfill.")
    if not 0 <= said.viewers <= 400:
        parser.error("--viewers: at most 400.")
    if said.seconds <= 0 or said.warm_up_s < 0 or not 0.1 <= said.packet_s <= 30:
        parser.error("--seconds, --warm-up-s and --packet-s: a packet has 0.1 to 30 s.")
    return Options(**{name: vars(said)[name] for name in Options.__dataclass_fields__})
