"""Lowest and highest samples: those of the signal, and of nothing else."""

import numpy as np
import pytest

from devices.segments import SegmentData, coarser, pyramid_of
from tests.segments.making import segment


@pytest.mark.parametrize("size", [64, 512, 8192])
@pytest.mark.parametrize(
    "made",
    [
        segment([250] * 40, first_sample=75_000),
        segment([250] * 40, first_sample=3, gap_before=7, leads=("I", "II")),
        segment([1], first_sample=8191),
    ],
    ids=["even", "gap", "one sample"],
)
def test_it_holds_the_extremes_of_every_bin(made: SegmentData, size: int) -> None:
    found = coarser(pyramid_of(made.form, made.places, made.samples), size)
    bins = made.places.positions() // size
    assert (found.first, found.first + len(found) - 1) == (bins[0], bins[-1])
    for k in range(len(found)):
        inside = made.samples[bins == found.first + k]
        if len(inside):
            assert np.array_equal(found.low[k], inside.min(axis=0))
            assert np.array_equal(found.high[k], inside.max(axis=0))
        else:
            assert (found.low[k] > found.high[k]).all()


def test_it_leaves_out_where_a_lead_of_a_file_has_no_sample() -> None:
    made = segment([128], leads=("I", "II"), first_sample=0, no_sample=True)
    made.samples[:64, 1] = -(2**15)
    made.samples[70, 0] = -(2**15)
    found = made.pyramid
    assert found.low[0, 1] > found.high[0, 1]
    assert (
        found.low[1, 0] == made.samples[64:, 0][made.samples[64:, 0] > -(2**15)].min()
    )
