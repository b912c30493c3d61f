"""Read stored signal: bit for bit, gaps as NaN, by lead."""

from datetime import UTC, datetime

import numpy as np
import pytest

from devices.models import Record
from devices.reading import read_adu, read_signal, read_signal_mv, stored_ranges
from devices.services import create_file_record
from devices.signals import chunk_stored
from tests.devices.conftest import FS, packet

START = datetime(2026, 11, 23, 10, tzinfo=UTC)


def test_it_reads_a_gap_as_nan(upload, assignment):
    upload(packet(0), packet(2), packet(3))
    record = Record.objects.get()
    mv = read_signal_mv(record, 0, 4 * FS)
    assert mv.dtype == np.float32
    assert np.isnan(mv[FS : 2 * FS]).all()
    assert not np.isnan(mv[:FS]).any()
    assert not np.isnan(mv[2 * FS :]).any()
    assert stored_ranges(record) == [(0, FS), (2 * FS, 4 * FS)]
    assert stored_ranges(record, 100, 600) == [(100, FS), (2 * FS, 600)]


def test_it_reads_any_span_like_a_slice_of_the_whole(upload, assignment):
    upload(*[packet(seq) for seq in (0, 1, 3)])
    record = Record.objects.get()
    whole = read_signal_mv(record, 0, 5 * FS)
    for start, end in [(0, 1), (249, 251), (300, 900), (999, 1250), (1100, 1100)]:
        part = read_signal_mv(record, start, end)
        assert np.array_equal(part, whole[start:end], equal_nan=True)
    assert stored_ranges(record, 500, 750) == []


def test_it_converts_to_millivolts_by_gain_and_baseline(upload, assignment):
    upload(packet(0, gain=200.0, baseline=1024, samples=[1024, 1224, 924] * 50))
    mv = read_signal_mv(Record.objects.get(), 0, 3)
    assert mv.tolist() == [0.0, 1.0, -0.5]


def test_it_gives_no_signal_for_a_gain_that_makes_none(upload, assignment):
    upload(packet(0, gain=1e-300))
    assert np.isnan(read_signal_mv(Record.objects.get(), 0, FS)).all()


def test_it_keeps_the_leads_apart(upload, assignment):
    samples = [value for i in range(FS) for value in (i, -i)]
    upload(packet(0, leads=["I", "V1"], samples=samples, gain=1.0))
    record = Record.objects.get()
    assert read_signal(record, 0, FS).shape == (FS, 2)
    assert read_signal_mv(record, 0, FS, lead=1).tolist() == [-i for i in range(FS)]


@pytest.mark.parametrize("n", [1, 9999, 10_000, 25_001])
def test_it_stores_a_file_bit_for_bit(
    alice, patient, n, django_capture_on_commit_callbacks
):
    heard = []

    def listen(sender, **said):
        heard.append((said["record_id"], said["end_sample"], said["live"]))

    rng = np.random.default_rng(n)
    samples = rng.integers(-(2**15), 2**15, (n, 2)).astype(np.int16)
    chunk_stored.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            record = create_file_record(
                uploaded_by=alice,
                patient=patient,
                name="holter.zip",
                fs=1000,
                leads=["MLII", "V5"],
                gain=200.0,
                baseline=0,
                started_at=START,
                samples=samples,
            )
    finally:
        chunk_stored.disconnect(listen)
    adu, stored = read_adu(record, 0, n + 5)
    assert np.array_equal(adu[:n], samples)
    assert stored.tolist() == [True] * n + [False] * 5
    assert record.next_seq == record.chunks.count()
    assert record.time_of(0) == START
    assert heard == [(record.pk, n, False)]


def test_it_refuses_a_file_whose_shape_disagrees(alice, patient):
    with pytest.raises(ValueError, match="shape"):
        create_file_record(
            uploaded_by=alice,
            patient=patient,
            name="x",
            fs=250,
            leads=["I"],
            gain=1.0,
            baseline=0,
            started_at=START,
            samples=np.zeros((10, 2), np.int16),
        )
