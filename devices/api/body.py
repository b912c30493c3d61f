"""Read a request's body, but never more of it than allowed."""

import contextlib

from django.http import HttpRequest, UnreadablePostError

from devices.codec import BodyError

_PIECE = 64 << 10
# More than this of a refused body is not read: the connection breaks off.
DRAIN_BYTES = 8 << 20


def read_body(request: HttpRequest, *, limit: int) -> bytes:
    """Return the body; a problem 413 above ``limit`` bytes, told or not."""
    told = request.META.get("CONTENT_LENGTH") or "0"
    if not (told.isascii() and told.isdigit()):
        raise BodyError("malformed", "Content-Length is no number.")
    if int(told) > limit:
        raise too_large(limit)
    pieces, size = [], 0
    try:
        while piece := request.read(min(_PIECE, limit + 1 - size)):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise too_large(limit)
    except (UnreadablePostError, OSError):
        text = "The body broke off."
        raise BodyError("malformed", text) from None
    return b"".join(pieces)


def drain(request: HttpRequest) -> None:
    """Read and drop the rest of a refused body, within reason.

    A server that closes a connection with unread data resets it, and the client
    may never see why it was refused.
    """
    with contextlib.suppress(OSError):
        left = DRAIN_BYTES
        while left > 0 and (piece := request.read(min(_PIECE, left))):
            left -= len(piece)


def too_large(limit: int) -> BodyError:
    """Return the refusal of a body of more than ``limit`` bytes."""
    return BodyError("too_large", f"The body is over {limit} bytes: send less at once.")
