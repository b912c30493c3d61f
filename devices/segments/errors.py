"""What can be wrong with the bytes of a segment."""

from collections.abc import Iterator
from contextlib import contextmanager


class DamagedSegment(ValueError):
    """Raised for bytes that are not a whole, unchanged segment; says what is wrong."""


# More packets, or samples of a lead, are not believed: memory is reserved for them.
MOST = 4_000_000


def believable(count: int, of: str) -> int:
    """Return a count that was read; one that no segment has is damage."""
    if not 0 <= count <= MOST:
        raise DamagedSegment(f"it claims to hold {count} {of}")
    return count


@contextmanager
def reading(part: str) -> Iterator[None]:
    """Tell of whatever a decoder stumbles over that ``part`` is damaged."""
    try:
        yield
    except DamagedSegment:
        raise
    # Decoders of bytes raise what they like: struct.error, zlib.error, LibsndfileError.
    except Exception as error:
        raise DamagedSegment(f"the {part} cannot be read: {error}") from error
