"""Many records are read at once, with the same bits as each alone."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from devices.models import Chunk, Device, Record
from devices.reading import read_signal_mv
from devices.reading_heads import Head, read_heads_mv

FS = 250
N = 500
pytestmark = pytest.mark.django_db


def _record(serial: str, *, leads: int, gain: float = 200.0) -> Record:
    now = timezone.now()
    record = Record.objects.create(
        device=Device.objects.create(serial=serial),
        stream=f"{leads:016x}",
        fs=FS,
        leads=["I", "II", "III"][:leads],
        gain=gain,
        baseline=3,
        started_at=now - timedelta(seconds=20),
        end_sample=4 * N,
    )
    noise = np.random.default_rng(leads)
    Chunk.objects.bulk_create(
        Chunk(
            record=record,
            seq=k,
            first_sample=k * N,
            n=N,
            crc=0,
            data=noise.integers(-999, 999, (N, leads)).astype("<i2").tobytes(),
            received_at=now,
        )
        for k in range(4)
    )
    # A heartbeat holds no samples and stands in nobody's way.
    Chunk.objects.create(
        record=record, seq=9, first_sample=N, n=0, crc=0, data=b"", received_at=now
    )
    return record


@pytest.mark.parametrize(("start", "end"), [(0, N), (N, 3 * N), (N + 7, 2 * N - 5)])
def test_it_reads_the_same_bits_as_each_alone(start: int, end: int) -> None:
    one, three = _record("A", leads=1), _record("B", leads=3, gain=0.37)
    found = read_heads_mv([Head(one, start, end), Head(three, start, end, lead=2)])
    for signal, record, lead in zip(found, (one, three), (0, 2), strict=True):
        assert signal is not None
        assert signal.flags.c_contiguous
        assert np.array_equal(signal, read_signal_mv(record, start, end, lead=lead))


def test_it_leaves_out_what_is_not_all_there() -> None:
    one, gap, odd = (_record(name, leads=1) for name in "ABC")
    Chunk.objects.filter(record=gap, seq=2).delete()
    Chunk.objects.filter(record=odd, seq=2).update(data=b"odd")
    spans = [(one, N, 4 * N), (gap, N, 4 * N), (odd, N, 4 * N)]
    spans += [(gap, N, 2 * N), (one, 3 * N, 5 * N), (gap, 2 * N, 3 * N)]
    found = read_heads_mv([Head(*span) for span in spans])
    assert [signal is not None for signal in found] == [
        True,
        False,
        False,
        True,
        False,
        False,
    ]


def test_it_leaves_out_what_is_no_number() -> None:
    record = _record("A", leads=1, gain=1e-300)
    assert read_heads_mv([Head(record, 0, N)]) == [None]


def test_it_reads_nothing_for_nobody() -> None:
    assert read_heads_mv([]) == []
