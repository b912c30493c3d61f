"""Which request, device or task a line of the log belongs to.

What is noted holds for the thread or coroutine that works on it, and for what that
calls; nothing need be passed on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_context: ContextVar[dict[str, str] | None] = ContextVar("log_context", default=None)


@contextmanager
def log_context(**known: str) -> Iterator[None]:
    """Let every line of the log that is written inside carry these fields."""
    token = _context.set(known)
    try:
        yield
    finally:
        _context.reset(token)


def begin_log_context(**known: str) -> None:
    """Let what this thread writes from now on carry these fields and no others."""
    _context.set(known)


def note_for_log(**known: str) -> None:
    """Add fields to the context that this work runs in; without one, nothing."""
    context = _context.get()
    if context is not None:
        context.update(known)


def log_fields() -> dict[str, str]:
    """Return the fields that a line written now carries."""
    return dict(_context.get() or {})
