"""Time live labels: ``python -m bench.labels --json`` prints one JSON object.

Packets are stored straight into the tables, so that nothing is measured but the
workers and what they ask of PostgreSQL and Redis. It runs a PostgreSQL and a Redis of
its own in a temporary folder and ends by itself, with status 1 if a packet that was
stored has no labels in the end.
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
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=30, help="that are measured")
    parser.add_argument("--warm-up", type=int, default=15, help="seconds before them")
    parser.add_argument("--packet-s", type=int, default=2)
    parser.add_argument("--finished", type=int, default=0, help="old records besides")
    parser.add_argument("--backlogs", type=int, default=0, help="of 10 h, at the start")
    parser.add_argument("--json", action="store_true", help="in one line")
    options = parser.parse_args()
    if options.backlogs > 50:
        parser.error("At most 50 backlogs, of 18 MB each.")
    if not 1 <= options.records <= 5000 or not 1 <= options.seconds <= 600:
        parser.error("At most 5000 records and 600 seconds.")
    # So that a stopped benchmark stops its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with own_servers() as servers:
        os.environ.update(servers.environment)
        os.environ["DJANGO_SETTINGS_MODULE"] = "telecardio.settings"
        django.setup()
        # Only here: the models need the settings, and these the servers.
        from bench.labels.measure import measure

        figures = measure(
            servers,
            data=options.data,
            records=options.records,
            seconds=options.seconds,
            warm_up_s=options.warm_up,
            packet_s=options.packet_s,
            finished=options.finished,
            backlogs=options.backlogs,
        )
    print(json.dumps(figures, indent=None if options.json else 1))
    return 1 if figures["unlabelled"] else 0


if __name__ == "__main__":
    sys.exit(main())
