"""Run the whole platform under live load: ``python -m bench.live --json``.

PostgreSQL, Redis, every process of the platform, an SMTP server, the devices and the
doctors' pages run on this machine, on loopback, in a temporary folder. It ends by
itself and prints one JSON object; status 1 if an acked sample is not in the database,
or if a packet was refused or never acked, also before the measured time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys

import django

from bench.ingest.own_servers import own_servers
from bench.live.exit_status import exit_status
from bench.live.growth import grow
from bench.live.options import add_arguments, options_of

_BUDGET = ("DEVICE_BUDGET_FACTOR", "DEVICE_BUDGET_BURST_S")


def main() -> int:
    """Print the figures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--growth", action="store_true", help="10 to 2,000 devices")
    parser.add_argument("--json", action="store_true", help="in one line")
    said = parser.parse_args()
    options = options_of(parser, said)
    # So that a stopped benchmark stops its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    indent = None if said.json else 1
    if said.growth:
        rows = []
        for row in grow(options):
            rows.append(row)
            print(json.dumps(row, indent=indent), flush=True)
        return max(map(exit_status, rows))
    with own_servers() as servers:
        environment = dict(servers.environment)
        if not options.unthrottled:
            for name in _BUDGET:
                del environment[name]
        os.environ.update(environment)
        os.environ["DJANGO_SETTINGS_MODULE"] = "telecardio.settings"
        django.setup()
        # Only here: the models need the settings, and these the servers.
        from bench.live.measure import measure

        figures = measure(type(servers)(servers.var, environment), options)
    print(json.dumps(figures, indent=indent))
    return exit_status(figures)


if __name__ == "__main__":
    sys.exit(main())
