"""Break the platform and see that nothing is lost: ``python -m bench.chaos --json``.

PostgreSQL, Redis, two of every process, an SMTP server and devices in bad networks run
on this machine, in a temporary folder and on loopback. Whatever runs is killed, paused
or asked to end at random, all of it at once too, and the disk of the servers is full
for a while; what ended is started again, as systemd or Compose would, and nothing else
is done. It ends by itself and prints one JSON object; status 1 if a sample, a beat, an
alarm or its mail is missing or there twice, or if a process hangs, or ended though
nobody had ended it. ``fails`` names the figures that are wrong.
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

from bench.chaos.own_disk import OwnDisk, enter_own_mounts, has_own_mounts
from bench.chaos.process_manager import ProcessManager
from telecardio import embedded

_NO_DISK = "disk full: needs unshare --mount, as root or with user namespaces"


def main() -> int:
    """Print what happened; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=float, default=300.0, help="of signal and of breaking things")
    add("--devices", type=int, default=8)
    add("--seed", type=int, default=1)
    add("--every-s", type=float, nargs=2, default=(2.0, 8.0), metavar=("FROM", "TO"))
    add("--keep", type=Path, help="an empty folder for logs and data, kept afterwards")
    add("--json", action="store_true", help="in one line")
    said = parser.parse_args()
    if not 20 <= said.seconds <= 7 * 86400 or not 1 <= said.devices <= 200:
        parser.error("--seconds: from 20 to a week; --devices: 1 to 200.")
    enter_own_mounts("bench.chaos")
    # So that a stopped run stops its processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="telecardio-") as name:
        figures = _run(said, said.keep or Path(name))
    print(json.dumps(figures, indent=None if said.json else 1))
    return 0 if figures["holds"] else 1


def _run(said: argparse.Namespace, folder: Path) -> dict[str, object]:
    folder.mkdir(parents=True, exist_ok=True)
    var = folder / "servers"
    disk = OwnDisk(var) if has_own_mounts() else None
    manager = ProcessManager()
    try:
        # Only here: the manager's own modules need no settings, these do.
        from bench.chaos.several import start_servers

        start_servers(manager, var, folder)
        found = embedded.addresses(var)
        environment = {
            "TELECARDIO_VAR": str(var),
            "DATABASE_URL": found.database_url,
            "REDIS_URL": found.redis_url,
            "REDIS_PREFIX": "chaos:",
            "LOG_LEVEL": "WARNING",
        }
        os.environ.update(environment)
        os.environ["DJANGO_SETTINGS_MODULE"] = "telecardio.settings"
        django.setup()
        from bench.chaos.course import Options, run

        options = Options(said.seconds, said.devices, said.seed, tuple(said.every_s))
        figures = run(manager, options, environment, folder, disk)
    finally:
        for service in manager.services.values():
            service.clear()
        embedded.stop(var=var)
        if disk is not None:
            disk.close()
    return {**figures, "left_out": [] if disk else [_NO_DISK]}


if __name__ == "__main__":
    sys.exit(main())
