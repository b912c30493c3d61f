"""The fixed grid on which every record is analysed.

Index 0 of the grid is sample 0 of the record; one grid step is 8 ms. A block is
one second, so it holds a whole number of samples for every integer ``fs``.
"""

from __future__ import annotations

from inference.ecg.compiled import compiled

GRID_FS = 125
BLOCK_S = 1
MIN_FS, MAX_FS = 100, 1000

BEFORE = 40  # a beat's window: 320 ms before its R peak, with the P wave,
WINDOW = 96  # to 448 ms after it

POST_WAIT = 200  # a class waits 1.6 s for the next R peak
HISTORY = 640  # grid steps kept: the longest wait for a class plus a window


class UnsupportedRate(ValueError):
    """Raised for a sampling frequency that the analysis does not take."""


def check_fs(fs: int) -> int:
    """Return ``fs`` in Hz if it is an integer of 100 to 1000.

    ``UnsupportedRate`` is raised for any other.
    """
    if isinstance(fs, bool) or int(fs) != fs or not MIN_FS <= fs <= MAX_FS:
        raise UnsupportedRate(
            f"fs is {fs}: resample to an integer of {MIN_FS} to {MAX_FS} Hz first"
        )
    return int(fs)


@compiled
def grid_to_sample(position: float, fs: int) -> int:
    """Return the record sample at ``fs`` Hz nearest to a grid position.

    ``position`` is in grid steps of 8 ms, with a fraction. No delay.
    """
    return int(position * fs / GRID_FS + 0.5)
