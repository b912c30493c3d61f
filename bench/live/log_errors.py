"""What went wrong in the platform's processes, from their logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_BAD = re.compile(r"\b(ERROR|CRITICAL|FATAL|PANIC)\b")
# Celery's banner names the level of its log behind a percent sign.
_WARNING = re.compile(r"(?<!%)\bWARNING\b")
SHOWN = 3


def log_errors(folder: Path, names: Iterable[str]) -> dict[str, Any]:
    """Count the errors and warnings in each log, and show the first errors."""
    found = {}
    for name in names:
        log = folder / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        bad = [at for at, line in enumerate(lines) if _BAD.search(line)]
        warned = [line for line in lines if _WARNING.search(line)]
        if bad or warned:
            shown = [_told(lines, at) for at in bad[:SHOWN]]
            found[name] = {
                "errors": len(bad),
                "warnings": len(warned),
                "first": shown or [line[:300] for line in warned[:SHOWN]],
            }
    return found


def _told(lines: list[str], at: int) -> str:
    """Return a line and, of the traceback below it, what was raised."""
    told = [lines[at]]
    for line in lines[at + 1 : at + 200]:
        if not line.startswith((" ", "Traceback")):
            told.append(line)
            break
    return "\n".join(told)[:500]
