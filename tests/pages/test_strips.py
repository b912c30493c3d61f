"""Ten seconds of signal on ECG paper."""

import numpy as np
import pytest
from django.utils import timezone

from devices.models import Assignment, Chunk
from telecardio.pages.strips import strip, trace_paths
from tests.pages.recorded import FS, recorded


def _points(path: str) -> np.ndarray:
    pairs = [pair.split() for pair in path.removeprefix("M").split("L")]
    return np.array(pairs, dtype=float)


def test_it_draws_at_25_mm_per_second_and_10_mm_per_millivolt() -> None:
    signal = np.zeros(10 * FS, np.float32)
    signal[5 * FS] = 1.0
    [path], holes, height = trace_paths(signal, fs=FS)
    points = _points(path)
    assert holes == ()
    assert points[-1, 0] == pytest.approx(250, abs=0.2)
    assert points[5 * FS, 0] == pytest.approx(125)
    assert points[0, 1] - points[5 * FS, 1] == pytest.approx(10)
    assert height % 5 == 0


def test_it_leaves_holes_where_nothing_is_stored() -> None:
    signal = np.zeros(10 * FS, np.float32)
    signal[2 * FS : 4 * FS] = np.nan
    paths, holes, _ = trace_paths(signal, fs=FS)
    assert len(paths) == 2
    assert holes == ((50.0, 50.0),)


def test_it_stays_on_the_paper_when_the_signal_is_huge() -> None:
    signal = np.zeros(10 * FS, np.float32)
    signal[100:200] = 20
    signal[300:400] = -20
    [path], _, height = trace_paths(signal, fs=FS)
    assert height <= 60
    assert _points(path)[:, 1].min() >= 0
    assert _points(path)[:, 1].max() <= height


def test_it_draws_the_seconds_before_a_sample(assignment: Assignment) -> None:
    record = recorded(assignment, end_at=timezone.now(), seconds=30)
    found = strip(record, end_sample=20 * FS, title="Here", lead=0)
    assert found is not None
    assert found.at == record.time_of(10 * FS)
    assert found.lead == "I"
    assert len(found.paths) == 1


def test_it_draws_nothing_where_nothing_is_stored(assignment: Assignment) -> None:
    record = recorded(assignment, end_at=timezone.now(), seconds=30)
    Chunk.objects.all().delete()
    assert strip(record, end_sample=20 * FS, title="Here", lead=0) is None
