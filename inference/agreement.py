"""How far two annotators agree about the same stretch of a record."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.ecg.types import CLASSES, Beats

# Two R peaks within this are the same beat (ANSI/AAMI EC57).
MATCH_S = 0.150

# label, onset and end in samples; None: it goes on
Span = tuple[str, int, int | None]


@dataclass(frozen=True)
class Agreement:
    """Beats per class of the old and the new annotator, and what they share."""

    old: dict[str, int]
    new: dict[str, int]
    shared: int
    same_class: int
    vanished: tuple[Span, ...]
    appeared: tuple[Span, ...]

    @property
    def share(self) -> float:
        """Return the share of all beats that both found and called alike."""
        everything = sum(self.old.values()) + sum(self.new.values()) - self.shared
        return self.same_class / everything if everything else 1.0


def agreement(
    old: Beats,
    new: Beats,
    *,
    fs: int,
    old_spans: Iterable[Span],
    new_spans: Iterable[Span],
) -> Agreement:
    """Compare beats within 150 ms, and episodes by label where they overlap."""
    pairs = _pairs(old.samples, new.samples, round(MATCH_S * fs))
    before, after = list(old_spans), list(new_spans)
    return Agreement(
        old=_counts(old),
        new=_counts(new),
        shared=len(pairs),
        same_class=int((old.classes[pairs[:, 0]] == new.classes[pairs[:, 1]]).sum()),
        vanished=tuple(one for one in before if not _meets(one, after)),
        appeared=tuple(one for one in after if not _meets(one, before)),
    )


def _counts(beats: Beats) -> dict[str, int]:
    counts = np.bincount(beats.classes, minlength=len(CLASSES))
    return dict(zip(CLASSES, counts.tolist(), strict=True))


def _pairs(
    old: NDArray[np.int64], new: NDArray[np.int64], near: int
) -> NDArray[np.int64]:
    """Return int64[n, 2]: beats that are each other's nearest and near enough."""
    if not len(old) or not len(new):
        return np.zeros((0, 2), dtype=np.int64)
    there, back = _nearest(old, new), _nearest(new, old)
    index = np.arange(len(old))
    keep = (back[there] == index) & (np.abs(new[there] - old) <= near)
    return np.stack([index[keep], there[keep]], axis=1)


def _nearest(of: NDArray[np.int64], among: NDArray[np.int64]) -> NDArray[np.int64]:
    after = np.clip(np.searchsorted(among, of), 0, len(among) - 1)
    before = np.maximum(after - 1, 0)
    closer = np.abs(among[before] - of) <= np.abs(among[after] - of)
    return np.where(closer, before, after)


def _meets(one: Span, others: Iterable[Span]) -> bool:
    label, onset, end = one
    return any(
        label == other
        and (end is None or start <= end)
        and (stop is None or onset <= stop)
        for other, start, stop in others
    )
