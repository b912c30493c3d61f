"""Lowest and highest sample of stretches of signal, for drawing long spans."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.segments.form import Form
from devices.segments.places import Places

# Samples per bin. A segment holds the first; the others follow from it.
LEVELS = (64, 512, 8192)
_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True, eq=False)
class Pyramid:
    """Bins of ``size`` samples, counted from the start of the record.

    ``low`` and ``high`` are int16[bins, leads] from bin ``first`` on; a bin without
    a sample has a low above its high.
    """

    size: int
    first: int
    low: NDArray[np.int16]
    high: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.low)


def empty_pyramid(size: int, first: int, bins: int, leads: int) -> Pyramid:
    """Return bins in which there is no sample yet."""
    shape = (bins, leads)
    low = np.full(shape, _INT16.max, np.int16)
    return Pyramid(size, first, low, np.full(shape, _INT16.min, np.int16))


def pyramid_of(
    form: Form, places: Places, samples: NDArray[np.int16], *, size: int = LEVELS[0]
) -> Pyramid:
    """Return the bins of ``size`` of int16[n, leads] that lie at ``places``."""
    bins = places.positions() // size
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    first = int(bins[0])
    whole = empty_pyramid(size, first, int(bins[-1]) - first + 1, len(form.leads))
    lows = highs = samples
    if form.no_sample:
        # Where a lead has no sample, neither the lowest nor the highest is it.
        lows = np.where(samples == _INT16.min, _INT16.max, samples)
    whole.low[bins[starts] - first] = np.minimum.reduceat(lows, starts)
    whole.high[bins[starts] - first] = np.maximum.reduceat(highs, starts)
    return whole


def coarser(pyramid: Pyramid, size: int) -> Pyramid:
    """Return the same signal in bins of ``size``, a multiple of those given."""
    factor = size // pyramid.size
    bins = (np.arange(len(pyramid)) + pyramid.first) // factor
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    return Pyramid(
        size,
        int(bins[0]),
        np.minimum.reduceat(pyramid.low, starts),
        np.maximum.reduceat(pyramid.high, starts),
    )
