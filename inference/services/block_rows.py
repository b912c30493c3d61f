"""Read the arrays of blocks of beats, packed or not."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from inference.models import BeatBlock
from inference.packed_beats import unpack_beats

ARRAYS = ("samples", "classes", "probabilities", "rr_ms", "quality")


def plain_rows(blocks: QuerySet[BeatBlock], *names: str) -> Iterator[tuple[Any, ...]]:
    """Return these columns of blocks, arrays as ``BeatBlock`` describes them.

    What is not named is left in the database, unless it is packed with the rest.
    """
    for *values, packed in blocks.values_list(*names, "packed"):
        if packed is None:
            yield tuple(values)
            continue
        arrays = unpack_beats(bytes(packed))
        yield tuple(
            arrays.get(name, value) for name, value in zip(names, values, strict=True)
        )
