"""Compile the sequential parts of the analysis; they stay plain numpy loops."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

# One record of a structured array: the state that a compiled function moves on.
State = Any

F = TypeVar("F", bound=Callable[..., Any])

# Sums over taps that are taken side by side, each in its own order: one vector does
# several, and so many stay in the nearest cache.
SIDE_BY_SIDE = 256
PACKAGE = "inference.ecg"
HERE = Path(__file__).parent
IMPORTED = re.compile(r"^from inference\.ecg\.(\w+) import", re.MULTILINE)


def compiled(function: F) -> F:
    """Compile a function on arrays and states to machine code, kept on the disk.

    Without fast-math every sum keeps its order, so that a result depends neither on
    the machine nor on how the signal was cut. Compiled code does not check indices:
    ``NUMBA_BOUNDSCHECK=1`` does, in a test run.
    """
    module = function.__module__.removeprefix(f"{PACKAGE}.")
    # Machine code holds that of the functions it calls, but numba asks only whether
    # the function's own file has changed. So the folder tells of all of them.
    folder = str(_folder() / f"{module}-{_digest(module)}")
    numba.config.CACHE_DIR = folder  # type: ignore[attr-defined]
    compiler = numba.njit(cache=True, nogil=True, error_model="numpy")
    return cast(F, compiler(function))


@cache
def _folder() -> Path:
    """Return where machine code is kept: beside the sources, if we may write there."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    beside = HERE / "__pycache__"
    if chosen:
        return Path(chosen)
    if os.access(beside if beside.exists() else HERE, os.W_OK):
        return beside / "compiled"
    return Path(tempfile.gettempdir()) / f"telecardio-{os.getuid()}"


@cache
def _source(module: str) -> str:
    path = HERE / f"{module}.py"
    return path.read_text() if path.exists() else ""


@cache
def _digest(module: str) -> str:
    """Return a digest of a module's source and of all that it imports from here."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += IMPORTED.findall(_source(name))
    text = "".join(_source(name) for name in sorted(seen))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
