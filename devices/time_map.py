"""From samples to time: a piecewise-linear map. Pure; the sample index is the truth.

Every piece runs at the record's ``fs`` from its anchor on; the first also reaches
backwards. The clock of a device only places the pieces, it never re-samples.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

# A clock that disagrees by more than this starts a new piece.
TOLERANCE = timedelta(milliseconds=250)
# One that did so often lately is coarse, such as one of whole seconds: it is believed
# where it disagrees by more than this. Each piece costs everybody who reads the record.
OFTEN, LATELY_S = 15, 3600
COARSE_TOLERANCE = timedelta(seconds=2)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Piece:
    """From ``sample`` on, time is counted from ``at``.

    ``step`` is how far the clock jumped against the piece before; 0 for the first.
    """

    sample: int
    at: datetime
    step: timedelta = timedelta(0)


def epoch_ms(at: datetime) -> int:
    """Return milliseconds since 1970."""
    return round((at - _EPOCH) / timedelta(milliseconds=1))


class TimeMap:
    """The pieces of one record, ordered by sample; never empty when asked."""

    def __init__(self, fs: int, pieces: Iterable[Piece] = ()) -> None:
        self.fs = fs
        self.pieces = list(pieces)

    def time_of(self, sample: int) -> datetime:
        """Return the time of a sample, from the last anchor at or before it."""
        piece = self.pieces[0]
        for candidate in reversed(self.pieces):
            if candidate.sample <= sample:
                piece = candidate
                break
        return piece.at + self.span(sample - piece.sample)

    def span(self, samples: int) -> timedelta:
        """Return how long so many samples take."""
        return timedelta(microseconds=round(samples * 1_000_000 / self.fs))

    def epoch_ms(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return int64[n], milliseconds since 1970, of samples int64[n]."""
        anchors = np.array([piece.sample for piece in self.pieces], np.int64)
        ms = timedelta(milliseconds=1)
        starts = np.array([(piece.at - _EPOCH) / ms for piece in self.pieces])
        index = np.maximum(np.searchsorted(anchors, samples, side="right") - 1, 0)
        elapsed = (samples - anchors[index]) * (1000 / self.fs)
        ms_of: NDArray[np.int64] = np.rint(starts[index] + elapsed).astype(np.int64)
        return ms_of

    def agrees(self, sample: int, at: datetime) -> bool:
        """Tell whether a clock that says ``at`` at ``sample`` is within tolerance."""
        return abs(at - self.time_of(sample)) <= self._tolerance(sample)

    def observe(self, sample: int, at: datetime) -> None:
        """Take a clock reading after all earlier ones: a new piece if it disagrees."""
        if not self.pieces:
            self.pieces.append(Piece(sample, at))
        elif not self.agrees(sample, at):
            step = at - self.time_of(sample)
            self.pieces.append(Piece(sample, at, step))

    def _tolerance(self, sample: int) -> timedelta:
        before = bisect_right(self.pieces, sample, key=lambda piece: piece.sample)
        if before < OFTEN:
            return TOLERANCE
        lately = sample - self.pieces[before - OFTEN].sample < LATELY_S * self.fs
        return COARSE_TOLERANCE if lately else TOLERANCE

    def shift(self, by: timedelta) -> None:
        """Move the whole map in time."""
        self.pieces = [Piece(p.sample, p.at + by, p.step) for p in self.pieces]

    def refit(
        self, first: int, last: int, readings: Iterable[tuple[int, datetime]]
    ) -> None:
        """Fit the map anew from the last piece before ``first`` on.

        For readings that came late and disagree, at the samples ``first`` to ``last``:
        ``readings`` are all clock readings ``(sample, at)`` behind that piece (see
        :meth:`refit_start`), ordered by sample, so the map does not depend on their
        order of arrival. No more are taken once the map goes on as it was.
        """
        before, start = self.pieces, self.refit_start(first)
        self.pieces = [piece for piece in before if piece.sample <= start]
        for sample, at in readings:
            self.observe(sample, at)
            if sample >= last and self._goes_on_as(before, sample):
                self.pieces += [piece for piece in before if piece.sample > sample]
                return

    def _goes_on_as(self, before: Sequence[Piece], sample: int) -> bool:
        """Tell whether later readings make the same of this map as of ``before``.

        What they make depends on the last piece, and for the tolerance on how many
        others begin in the last hour.
        """
        end = bisect_right(before, sample, key=lambda piece: piece.sample)
        if not end:
            return False
        mine, was = self.pieces[-1], before[end - 1]
        if (mine.sample, mine.at) != (was.sample, was.at):
            return False
        since = sample - LATELY_S * self.fs
        return _begun(self.pieces, since, sample) == _begun(before, since, sample)

    def refit_start(self, after: int) -> int:
        """Return the sample of the last piece before ``after``, -1 if there is none."""
        return max((p.sample for p in self.pieces if p.sample < after), default=-1)


def _begun(pieces: Sequence[Piece], after: int, upto: int) -> list[int]:
    """Return where the pieces behind one sample, up to another, begin."""
    start, end = (
        bisect_right(pieces, sample, key=lambda piece: piece.sample)
        for sample in (after, upto)
    )
    return [piece.sample for piece in pieces[start:end]]
