"""Outlines of long spans: the same from chunks as from segments."""

import numpy as np
import pytest

from devices.models import Record
from devices.overview import read_overview
from devices.reading import read_signal
from devices.segment_reading import kept_segments
from tests.storage.conftest import Store, compact, packet

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("bins", [1, 7, 50, 200, 1000])
@pytest.mark.parametrize("span", [(0, 104_000), (12_345, 77_001), (59_990, 60_010)])
def test_it_holds_the_extremes_of_every_bin(
    store: Store, span: tuple[int, int], bins: int
) -> None:
    store([packet(seq) for seq in range(520) if seq not in range(140, 260)])
    record = Record.objects.get()
    hot = read_overview(record, *span, bins=bins)
    compact(record)
    kept_segments.clear()
    for found in (hot, read_overview(record, *span, bins=bins)):
        assert len(found.low_mv) <= max(bins, 2)
        size = found.bin_samples
        first, end = found.start_sample, found.start_sample + len(found.low_mv) * size
        assert first <= span[0]
        assert end >= span[1]
        whole = read_signal(record, first, end).reshape(-1, size, 2)
        for k, samples in enumerate(whole):
            inside = samples[~np.isnan(samples).any(axis=1)]
            # At both ends a bin may hold less than all of its samples.
            if 0 < k < len(whole) - 1 and len(inside):
                assert np.array_equal(found.low_mv[k], inside.min(axis=0))
                assert np.array_equal(found.high_mv[k], inside.max(axis=0))
            elif not len(inside):
                assert np.isnan(found.low_mv[k]).all()
