"""Run, show or stop the embedded servers."""

import argparse
import sys
from pathlib import Path

from telecardio.embedded.client import status, stop
from telecardio.embedded.folders import EmbeddedError, Folders


def main() -> int:
    """Do what the command line asks and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m telecardio.embedded")
    parser.add_argument("--var", type=Path, help="folder for run-time files")
    parser.add_argument("--detached", action="store_true", help=argparse.SUPPRESS)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--status", action="store_true", help="show what runs")
    either.add_argument("--stop", action="store_true", help="stop both servers")
    chosen = parser.parse_args()
    try:
        if chosen.status:
            return show(chosen.var)
        if chosen.stop:
            stop(var=chosen.var)
            return 0
        # Only here: a look at the servers need not import their clients.
        from telecardio.embedded.supervisor import supervise

        return supervise(Folders.of(chosen.var), detached=chosen.detached)
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def show(var: Path | None) -> int:
    """Print what runs; return 0 if both servers answer and 3 if not."""
    found = status(var=var)
    lines = []
    for name in ("supervisor", "postgres", "redis"):
        process = getattr(found, name)
        lines.append(f"{name:10} {process.pid if process else 'does not run'}")
    lines.append(f"{'owners':10} {' '.join(str(owner.pid) for owner in found.owners)}")
    lines.append("ready" if found.ready else "not ready")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if found.ready else 3


if __name__ == "__main__":
    sys.exit(main())
