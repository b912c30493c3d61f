"""The missing ranges, kept as they open and close."""

import random

from devices.gaps import MAX_GAPS, SeqGaps


def test_it_agrees_with_a_search_through_everything():
    rng = random.Random(1)
    for _ in range(50):
        gaps, seen = SeqGaps(), set()
        for seq in rng.sample(range(60), rng.randint(1, 60)):
            gaps = SeqGaps(gaps.next_seq, gaps.bounds)
            gaps.add(seq)
            gaps.add(seq)
            seen.add(seq)
            missing = {s for low, high in gaps.first(60) for s in range(low, high)}
            assert gaps.next_seq == max(seen) + 1
            assert missing == set(range(max(seen))) - seen
            assert gaps.bounds == sorted(set(gaps.bounds))


def test_it_gives_up_the_oldest_of_too_many():
    gaps = SeqGaps()
    for seq in range(0, 4 * MAX_GAPS, 2):
        gaps.add(seq)
    assert len(gaps.bounds) == 2 * MAX_GAPS
    gaps.add(1)
    assert gaps.first(1) == [(2 * MAX_GAPS - 1, 2 * MAX_GAPS)]
