"""Which packets of a stream are missing. Pure.

Gaps are kept as they open and close, so a reply never has to look through the
whole record for them.
"""

from bisect import bisect_right

# The oldest beyond these are given up: their packets are still stored when they
# come, but no longer asked for.
MAX_GAPS = 1000


class SeqGaps:
    """The missing ranges below ``next_seq``, the highest stored seq + 1."""

    def __init__(self, next_seq: int = 0, bounds: list[int] | None = None) -> None:
        self.next_seq = next_seq
        # Flattened and ascending: [3, 5, 9, 10] lacks 3, 4 and 9.
        self.bounds = list(bounds or [])

    def add(self, seq: int) -> None:
        """Take note that ``seq`` is stored now."""
        if seq >= self.next_seq:
            if seq > self.next_seq:
                self.bounds += [self.next_seq, seq]
                self.bounds = self.bounds[-2 * MAX_GAPS :]
            self.next_seq = seq + 1
            return
        place = bisect_right(self.bounds, seq)
        if place % 2 == 0:
            return
        start, end = self.bounds[place - 1], self.bounds[place]
        parts = [(start, seq), (seq + 1, end)]
        kept = [bound for part in parts if part[0] < part[1] for bound in part]
        self.bounds[place - 1 : place + 1] = kept
        self.bounds = self.bounds[-2 * MAX_GAPS :]

    def first(self, count: int) -> list[tuple[int, int]]:
        """Return the lowest ``count`` gaps, half-open."""
        bounds = self.bounds[: 2 * count]
        return list(zip(bounds[::2], bounds[1::2], strict=True))
