"""Episode by episode, as ``epicmp``: by count (any overlap) and by duration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ml.judge.reading import Span


class Episodes(NamedTuple):
    """What is summed over records: counts, and seconds."""

    reference: int
    reference_found: int
    reference_s: float
    reference_found_s: float
    found: int
    found_right: int
    found_s: float
    found_right_s: float


def overlap_s(span: Span, others: Sequence[Span]) -> float:
    """Return how many seconds of a span lie in (disjoint) others."""
    return sum(
        max(min(span.end, end) - max(span.start, start), 0.0) for start, end in others
    )


def clip(spans: Sequence[Span], start_s: float, end_s: float) -> list[Span]:
    """Return what of the spans lies in the test period, in order."""
    inside = (Span(max(start, start_s), min(end, end_s)) for start, end in spans)
    return sorted(span for span in inside if span.end > span.start)


def merge(spans: Sequence[Span]) -> list[Span]:
    """Return disjoint spans that cover the same time."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            last = joined.pop()
            span = Span(last.start, max(last.end, span.end))
        joined.append(span)
    return joined


def without(spans: Sequence[Span], excluded: Sequence[Span]) -> list[list[Span]]:
    """Return each span as the parts that lie outside of what is excluded."""
    result = []
    for start, end in spans:
        parts: list[Span] = []
        for low, high in merge(excluded):
            if low >= end:
                break
            if low > start:
                parts.append(Span(start, low))
            start = max(start, high)
        if end > start:
            parts.append(Span(start, end))
        if parts:
            result.append(parts)
    return result


def compare_episodes(
    reference: Sequence[Span],
    found: Sequence[Span],
    *,
    start_s: float = 0.0,
    end_s: float,
    excluded: Sequence[Span] = (),
) -> Episodes:
    """Compare the episodes of one label in one record.

    An episode is matched by any overlap. Time ``excluded`` (atrial flutter, for
    atrial fibrillation) counts neither for nor against what was found there.
    """
    real = clip(merge(reference), start_s, end_s)
    said = clip(merge(found), start_s, end_s)
    parts = without(said, excluded)
    shares = [sum(overlap_s(part, real) for part in row) for row in parts]
    hits = [overlap_s(span, said) for span in real]
    return Episodes(
        reference=len(real),
        reference_found=sum(hit > 0 for hit in hits),
        reference_s=sum(end - start for start, end in real),
        reference_found_s=sum(hits),
        found=len(parts),
        found_right=sum(share > 0 for share in shares),
        found_s=sum(end - start for row in parts for start, end in row),
        found_right_s=sum(shares),
    )


def total(rows: Sequence[Episodes]) -> Episodes:
    """Return the sums over records."""
    return Episodes(*(sum(column) for column in zip(*rows, strict=True)))


def episode_figures(sums: Episodes) -> dict[str, Any]:
    """Return sensitivity and +P by count and by duration, in per cent."""

    def share(part: float, whole: float) -> float | None:
        return round(100.0 * part / whole, 2) if whole else None

    return {
        "reference": sums.reference,
        "found": sums.found,
        "se": share(sums.reference_found, sums.reference),
        "ppv": share(sums.found_right, sums.found),
        "reference_s": round(sums.reference_s, 1),
        "found_s": round(sums.found_s, 1),
        "duration_se": share(sums.reference_found_s, sums.reference_s),
        "duration_ppv": share(sums.found_right_s, sums.found_s),
    }
