"""Measure what a second of live signal costs in bytes: wire, WAL, rows, live stream.

``python -m bench.footprint --json`` prints one JSON object, with a part for each length
of packet. It stores, without HTTP, one checkpoint interval of signal of some devices in
a PostgreSQL of its own, so WAL has its full pages as often as in service.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import django

from bench.ingest.own_servers import own_servers


def main() -> None:
    """Start servers, then measure with settings that name them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=_default_data())
    parser.add_argument("--packet-s", type=float, nargs="+", default=[1.0, 2.0, 5.0])
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument(
        "--seconds", type=int, default=300, help="of signal; PostgreSQL's checkpoint"
    )
    parser.add_argument("--json", action="store_true", help="in one line")
    options = parser.parse_args()
    with (
        own_servers() as servers,
        tempfile.TemporaryDirectory(prefix="telecardio-segments-") as folder,
    ):
        os.environ.update(servers.environment)
        os.environ["DJANGO_SETTINGS_MODULE"] = "telecardio.settings"
        os.environ["SEGMENTS_DIR"] = folder
        django.setup()
        # Only here: the models need the settings, and these the servers.
        from bench.footprint_of_uploads import measure

        found = measure(
            options.data,
            devices=options.devices,
            seconds=options.seconds,
            packets_s=options.packet_s,
        )
    print(json.dumps(found, indent=None if options.json else 1))


def _default_data() -> Path | None:
    named = os.environ.get("TELECARDIO_DATA")
    return Path(named) if named else None


if __name__ == "__main__":
    main()
