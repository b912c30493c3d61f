"""Time durable ingest: ``python -m bench.ingest --json`` prints one JSON object.

It runs a PostgreSQL and a Redis of its own in a temporary folder, on loopback only,
and ends by itself with status 1 if an acked packet is not in the database, or a case
was refused anything or stored nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

import django

from bench.ingest.own_servers import own_servers


def main() -> int:
    """Print the figures; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of ECG records")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each case")
    parser.add_argument("--devices", type=int, default=256)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument(
        "--threads",
        type=int,
        nargs="+",
        default=[4, 8, 16],
        help="per process of the bare servers: tried, and the best one taken",
    )
    parser.add_argument("--json", action="store_true", help="in one line")
    options = parser.parse_args()
    if not 16 <= options.connections <= options.devices:
        parser.error("--connections: at least 16, and no more than --devices.")
    # So that a stopped benchmark stops its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with own_servers() as servers:
        os.environ.update(servers.environment)
        os.environ["DJANGO_SETTINGS_MODULE"] = "telecardio.settings"
        django.setup()
        # Only here: the models need the settings, and these the servers.
        from bench.ingest.measure import measure

        found = measure(
            servers,
            data=options.data,
            seconds=options.seconds,
            devices=options.devices,
            connections=options.connections,
            threads=options.threads,
        )
    print(json.dumps(found, indent=None if options.json else 1))
    for fault in found["faults"]:
        print(fault, file=sys.stderr)
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
