"""The log files below ``var/log``."""

import os
import shutil
from pathlib import Path
from typing import BinaryIO

LARGEST_BYTES = 10_000_000


def opened(log: Path) -> BinaryIO:
    """Open a log to add to, readable by its owner only."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.fdopen(os.open(log, flags, 0o600), "ab")


def rotate(log: Path) -> None:
    """Move what a large log holds to ``.log.1``.

    The writers keep their open file, so it is copied and cut, not renamed.
    """
    if log.exists() and log.stat().st_size > LARGEST_BYTES:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def last_lines(folder: Path, count: int = 8) -> list[str]:
    """Return the end of every log, each under its name."""
    lines = []
    for log in sorted(folder.glob("*.log")):
        lines.append(f"--- end of {log}")
        lines.extend(log.read_text(errors="replace").splitlines()[-count:])
    return lines
