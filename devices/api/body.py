"""Read a request's body, but never more of it than allowed."""

import contextlib
from typing import Protocol

from django.http import HttpRequest, UnreadablePostError

from devices.api.problems import Problem
from devices.codec import BodyError

_PIECE = 64 << 10
# More than this of a refused body is not read: the connection breaks off.
_DRAIN = 8 << 20


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_body(request: HttpRequest, *, limit: int) -> bytes:
    """Return the body; a problem 413 above ``limit`` bytes, told or not."""
    told = request.META.get("CONTENT_LENGTH") or "0"
    if not (told.isascii() and told.isdigit()):
        raise BodyError("malformed", "Content-Length is no number.")
    if int(told) > limit:
        raise _too_large(limit)
    source = _source(request)
    pieces, size = [], 0
    try:
        while piece := source.read(min(_PIECE, limit + 1 - size)):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
    except (UnreadablePostError, OSError):
        text = "The body broke off."
        raise BodyError("malformed", text) from None
    return b"".join(pieces)


def drain(request: HttpRequest) -> None:
    """Read and drop the rest of a refused body, within reason.

    A server that closes a connection with unread data resets it, and the client
    may never see why it was refused.
    """
    with contextlib.suppress(Problem, OSError):
        source, left = _source(request), _DRAIN
        while left > 0 and (piece := source.read(min(_PIECE, left))):
            left -= len(piece)


def _source(request: HttpRequest) -> _Readable:
    chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    environ = getattr(request, "environ", None)
    if not chunked or environ is None:
        return request
    # Django reads nothing of a WSGI body without Content-Length; the server's own
    # stream ends where the last chunk does, if the server says so.
    if not environ.get("wsgi.input_terminated"):
        raise Problem(411, "length_required", "Send a Content-Length.")
    source: _Readable = environ["wsgi.input"]
    return source


def _too_large(limit: int) -> BodyError:
    return BodyError("too_large", f"The body is over {limit} bytes: send less at once.")
