"""Measure stored history: bytes per sample, reading it cold, compacting, duplicates.

``python -m bench.storage --days 30 --json`` prints one JSON object. It runs on a
PostgreSQL of its own and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import django

from bench.ingest.own_servers import own_servers


def main() -> int:
    """Start servers, then measure with settings that name them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=_default_data())
    parser.add_argument("--days", type=float, default=1.0, help="of the record")
    parser.add_argument(
        "--analysed-hours", type=float, default=4.0, help="of another, compacted"
    )
    parser.add_argument("--packet-s", type=float, default=1.0)
    parser.add_argument("--reads", type=int, default=200, help="windows of 30 s")
    parser.add_argument(
        "--cold-once",
        action="store_true",
        help="empty caches once, not before each read: quicker, and no measure",
    )
    parser.add_argument("--json", action="store_true", help="in one line")
    options = parser.parse_args()
    # So that a stopped run stops its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with (
        own_servers() as servers,
        tempfile.TemporaryDirectory(prefix="telecardio-segments-") as folder,
    ):
        os.environ.update(servers.environment)
        os.environ["DJANGO_SETTINGS_MODULE"] = "telecardio.settings"
        os.environ["SEGMENTS_DIR"] = folder
        django.setup()
        # Only here: the models need the settings, and these the servers.
        from bench.stored_history import measure

        found = measure(
            options.data,
            servers=servers,
            days=options.days,
            analysed_hours=options.analysed_hours,
            packet_s=options.packet_s,
            reads=options.reads,
            each_cold=not options.cold_once,
        )
    print(json.dumps(found, indent=None if options.json else 1))
    good = not found["verify"]["damage"]
    return (
        0
        if good and set(found["duplicate_of_day_1"]["verdicts"]) == {"duplicate"}
        else 1
    )


def _default_data() -> Path | None:
    named = os.environ.get("TELECARDIO_DATA")
    return Path(named) if named else None


if __name__ == "__main__":
    sys.exit(main())
