"""Compile the analysis before the first packet waits for it.

The machine code is kept on the disk beside the sources (or in NUMBA_CACHE_DIR), so
this takes half a minute once after an installation or a change, and then below one
second. ``python -m inference.warm_up`` does it in the set-up.
"""

from __future__ import annotations

import numpy as np

from inference.ecg.pipeline import advance, finish, initial_state
from inference.nets import nets

FS = 250


def warm_up() -> None:
    """Run every compiled function and both nets once, on a short silent record."""
    silence = np.zeros(8 * FS, dtype=np.float32)
    ((state, _),) = advance([initial_state(fs=FS)], [silence], nets=nets())
    finish([state], [silence[: FS // 2]], nets=nets())


if __name__ == "__main__":
    warm_up()
