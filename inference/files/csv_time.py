"""The column ``time_s``: it must count up evenly, and it tells ``fs``."""

import numpy as np
from numpy.typing import NDArray

from inference.files.record import FileError, whole_fs

# Times are often rounded to a millisecond, so a step may be off by a part of itself.
_STEP_TOLERANCE = 0.75
_DRIFT_TOLERANCE = 0.002
_DRIFT_ROWS = 5000
_TRUSTED_ROWS = 10


class TimeColumn:
    """Check the times block by block and keep what ``fs`` follows from."""

    def __init__(self) -> None:
        self.first_s = self.last_s = 0.0
        self.count = 0
        self.step_s: float | None = None

    def add(self, times: NDArray[np.float64], *, first_row: int) -> None:
        """Take the next times; raise ``FileError`` at the first uneven row."""
        known = 0
        if self.count:
            times = np.concatenate([[self.last_s], times])
            known = 1
        else:
            self.first_s = float(times[0])
        if self.step_s is None and len(times) > 1:
            self.step_s = _typical_step(times)
        if self.step_s is not None:
            uneven = _first_uneven(times, self.step_s)
            if uneven is not None:
                row = first_row + uneven - known
                raise _uneven(times[uneven - 1 : uneven + 1], self.step_s, row)
        self.count += len(times) - known
        self.last_s = float(times[-1])

    def fs(self, *, given: float | None) -> int:
        """Return the whole ``fs`` of all times; ``given`` must agree with it."""
        if self.count < 2:
            if given is not None:
                return whole_fs(given, source="fs")
            message = "One row is too short to tell fs from time_s; give fs."
            raise FileError(message)
        duration_s = self.last_s - self.first_s
        measured = (self.count - 1) / duration_s
        # Both ends may be rounded to a millisecond.
        rounding = measured * 0.001 / duration_s
        if given is not None:
            if abs(measured - given) > 0.001 * given + rounding:
                message = (
                    f"The column time_s says {measured:.4g} Hz, but fs was given as "
                    f"{given:g} Hz. Leave fs out, or correct it."
                )
                raise FileError(message)
            return whole_fs(given, source="fs")
        if abs(measured - round(measured)) <= rounding:
            measured = round(measured)
        return whole_fs(measured, source="The column time_s")


def _typical_step(times: NDArray[np.float64]) -> float:
    """Return the time between samples before the first uneven one."""
    step = _mean_step(times)
    if _is_even(times, step):
        return step
    # Bisect for the longest start of the recording that is even in itself.
    even, uneven = 2, len(times)
    while uneven - even > 1:
        middle = (even + uneven) // 2
        if _is_even(times[:middle], _mean_step(times[:middle])):
            even = middle
        else:
            uneven = middle
    if even >= _TRUSTED_ROWS:
        return _mean_step(times[:even])
    return float(np.median(np.diff(times)))


def _mean_step(times: NDArray[np.float64]) -> float:
    return float(times[-1] - times[0]) / (len(times) - 1)


def _is_even(times: NDArray[np.float64], step: float) -> bool:
    return step > 0 and _first_uneven(times, step) is None


def _first_uneven(times: NDArray[np.float64], step: float) -> int | None:
    """Return the index of the first time that does not follow evenly, if any."""
    steps = np.diff(times)
    index = np.arange(1, len(times))
    start = (index - 1) // _DRIFT_ROWS * _DRIFT_ROWS
    since = index - start
    drift = np.abs(times[1:] - times[start] - since * step)
    bad = (steps <= 0) | (np.abs(steps - step) > _STEP_TOLERANCE * step)
    bad |= drift > (_STEP_TOLERANCE + _DRIFT_TOLERANCE * since) * step
    return int(np.argmax(bad)) + 1 if bad.any() else None


def _uneven(pair: NDArray[np.float64], step: float, row: int) -> FileError:
    message = (
        f"found {pair[1]:.10g} after {pair[0]:.10g}; the rows before are {step:.4g} s "
        "apart. Samples must be evenly spaced: cut the recording at gaps."
    )
    return FileError(message, row=row, column="1 (time_s)")


def counts_up(values: NDArray[np.float64]) -> bool:
    """Tell whether a column without a name counts up evenly, as no lead does."""
    if len(values) < 10:
        return False
    steps = np.diff(values[:1000])
    typical = float(np.median(steps))
    return typical > 0 and bool((np.abs(steps - typical) <= 0.5 * typical).all())
