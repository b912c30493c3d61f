"""Compile the sequential parts of the analysis; they stay plain numpy loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

# One record of a structured array: the state that a compiled function moves on.
State = Any

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function on arrays and states to machine code, kept on the disk.

    Without fast-math every sum keeps its order, so that a result depends neither on
    the machine nor on how the signal was cut. Compiled code does not check indices:
    ``NUMBA_BOUNDSCHECK=1`` does, in a test run.
    """
    options = {"cache": True, "nogil": True, "error_model": "numpy"}
    return cast(F, numba.njit(**options)(function))
