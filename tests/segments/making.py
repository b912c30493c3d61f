"""Make segments whose samples and packets are known."""

import zlib
from collections.abc import Sequence

import numpy as np

from devices.segments import Form, Places, SegmentData, Told
from devices.segments.places import UNKNOWN

FS = 250
AT_US = 1_790_000_000_000_000


def segment(
    sizes: Sequence[int] = (250, 250, 0, 250),
    *,
    leads: Sequence[str] = ("I",),
    gap_before: int | None = None,
    first_sample: int = 75_000,
    seed: int = 0,
    no_sample: bool = False,
) -> SegmentData:
    """Return packets of these sizes; before the packet ``gap_before`` 1000 are lost."""
    rng = np.random.default_rng(seed)
    n = np.array(sizes, np.int64)
    gaps = np.zeros(len(n), np.int64)
    if gap_before is not None:
        gaps[gap_before] = 1000
    first = first_sample + np.cumsum(n) - n + np.cumsum(gaps)
    steps = rng.integers(-40, 41, (int(n.sum()), len(leads)))
    samples = np.clip(steps.cumsum(axis=0), -2048, 2047).astype(np.int16)
    ends = np.cumsum(n)
    data = [samples[a:b].tobytes() for a, b in zip(ends - n, ends, strict=True)]
    at_us = AT_US + first * 4000
    at_us[::3] = UNKNOWN
    places = Places(
        seq=np.arange(len(n)) + 300,
        first_sample=first,
        n=n,
        crc=np.array([zlib.crc32(part) for part in data], np.int64),
        at_us=at_us,
    )
    told = Told(
        mono_ms=np.where(n > 0, first * 4, UNKNOWN),
        lost_before=gaps,
        marker=np.arange(len(n)) == 1,
        received_at_us=AT_US + first * 4000 + rng.integers(0, 10**6, len(n)),
        flags=tuple(("lead_off",) if k % 2 else () for k in range(len(n))),
    )
    form = Form(17, FS, tuple(leads), 409.6, -5, no_sample)
    return SegmentData(form, places, told, samples)


def assert_same(one: SegmentData, other: SegmentData) -> None:
    """Demand that two segments agree in everything, bit for bit."""
    assert one.form == other.form
    for part in ("places", "told"):
        for name, column in vars(getattr(one, part)).items():
            found = getattr(getattr(other, part), name)
            same = column == found if name == "flags" else np.array_equal(column, found)
            assert same, name
    assert one.samples.dtype == other.samples.dtype == np.int16
    assert np.array_equal(one.samples, other.samples)
