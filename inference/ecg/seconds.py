"""The quality of the last seconds, for whatever reads a rhythm from them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.ecg.compiled import State, compiled
from inference.ecg.quality import GOOD

KEPT_S = 16  # seconds of quality kept: a class is final within 5 s

SECONDS = np.dtype(
    [
        ("code", "u1", (KEPT_S,)),
        ("count", "i8"),
        ("second", "i8"),  # the record's second that follows the last one kept
    ],
    align=True,
)


class Words(NamedTuple):
    """Codes [s] of QUALITY_WORDS of successive seconds, from the record's ``first``."""

    code: NDArray[np.uint8]
    first: int


@compiled
def add_seconds(state: State, words: NDArray[np.uint8]) -> Words:
    """Return the seconds kept and the new ``words`` [s] after them, [kept + s].

    ``state`` (SECONDS) keeps the last 16 of them. No delay.
    """
    kept, new = state.count, len(words)
    code = np.empty(kept + new, np.uint8)
    code[:kept] = state.code[:kept]
    code[kept:] = words
    first = state.second - kept
    state.second += new
    state.count = min(kept + new, KEPT_S)
    state.code[: state.count] = code[kept + new - state.count :]
    return Words(code, first)


@compiled
def is_good(words: Words, sample: int, fs: int) -> bool:
    """Tell whether the second around a ``sample`` at ``fs`` Hz can be read.

    ``words.code`` is [s]; a sample beyond them is taken for their nearest. No delay.
    """
    if not len(words.code):
        return False
    at = min(max(sample // fs - words.first, 0), len(words.code) - 1)
    return bool(words.code[at] == GOOD)
