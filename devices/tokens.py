"""The form of a device token and its digest. Only the digest is ever stored."""

import hashlib
import re
import secrets

PREFIX = "tcd_"
_FORM = re.compile(r"tcd_[A-Za-z0-9_-]{43}")


def new_token() -> str:
    """Return a new token: ``tcd_`` and 256 random bits as base64url."""
    return PREFIX + secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    """Tell whether ``text`` has the form of a device token."""
    return _FORM.fullmatch(text) is not None


def token_digest(token: str) -> bytes:
    """Return the SHA-256 of a token, by which it is looked up.

    The token is 256 random bits, so a slow salted hash would add nothing.
    """
    return hashlib.sha256(token.encode("ascii")).digest()
