"""From samples to time: pieces, late readings, the same map in any order."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from devices.models import Record
from devices.reading import read_time_map
from devices.services.finding import ANCHORS
from devices.signals import record_corrected
from devices.time_map import LATELY_S, OFTEN, Piece, TimeMap
from tests.devices.conftest import FS, packet, timed

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_it_counts_from_the_anchor_in_both_directions():
    time_map = TimeMap(250, [Piece(500, START)])
    assert time_map.time_of(750) == START + SECOND
    assert time_map.time_of(250) == START - SECOND


def test_it_begins_a_new_piece_above_250_ms_only():
    time_map = TimeMap(250, [Piece(0, START)])
    time_map.observe(250, START + SECOND * 1.25)
    time_map.observe(500, START + SECOND * 1.75)
    assert len(time_map.pieces) == 1
    time_map.observe(750, START + SECOND * 3.251)
    assert time_map.pieces[1] == Piece(
        750, START + SECOND * 3.251, timedelta(milliseconds=251)
    )
    assert time_map.time_of(749) == START + SECOND * 2.996
    assert time_map.time_of(1000) == START + SECOND * 4.251


def test_it_gives_many_times_at_once():
    pieces = [Piece(100, START), Piece(350, START + 3 * SECOND, 2 * SECOND)]
    time_map = TimeMap(250, pieces)
    samples = np.array([0, 99, 100, 349, 350, 10_000])
    expected = [
        round(time_map.time_of(int(sample)).timestamp() * 1000) for sample in samples
    ]
    assert time_map.epoch_ms(samples).tolist() == expected


def test_it_keeps_a_correction_of_the_clock_as_an_anchor(upload, assignment, hour_ago):
    """The clock is set forward by ten seconds after the third packet."""
    later = hour_ago + 10 * SECOND
    upload(*[timed(seq, hour_ago) for seq in range(3)])
    upload(*[timed(seq, later) for seq in range(3, 6)])
    record = Record.objects.get()
    assert [(a.sample, a.at, a.step_ms) for a in record.anchors.all()] == [
        (0, hour_ago, 0),
        (3 * FS, later + 3 * SECOND, 10_000),
    ]
    assert record.end_at == later + 6 * SECOND


def test_it_finds_the_same_correction_when_packets_come_backwards(
    upload, assignment, hour_ago
):
    later = hour_ago + 10 * SECOND
    packets = [timed(seq, hour_ago if seq < 3 else later) for seq in range(6)]
    for one in [packets[5], packets[3], packets[0], packets[2], packets[4], packets[1]]:
        assert upload(one).status_code == 200
    record = Record.objects.get()
    for seq in range(6):
        began = (hour_ago if seq < 3 else later) + seq * SECOND
        assert record.time_of(seq * FS) == began
    assert record.anchors.count() == 2
    assert record.started_at == hour_ago
    assert read_time_map(record).time_of(6 * FS) == record.end_at


@pytest.fixture
def corrected():
    """Return from which sample on ``record_corrected`` said that times are others."""
    said = []

    def listen(placed_from, **_):
        said.append(placed_from)

    record_corrected.connect(listen)
    yield said
    record_corrected.disconnect(listen)


def test_it_tells_from_where_on_stored_samples_have_other_times(
    upload, assignment, hour_ago, corrected
):
    later = hour_ago + 10 * SECOND
    upload(*[timed(seq, hour_ago) for seq in range(3)])
    # What just goes on, also after a step of the clock, moves nothing that is stored.
    upload(*[timed(seq, later) for seq in range(6, 9)])
    assert corrected == []
    upload(timed(4, later))
    upload(timed(5, later), timed(3, hour_ago))
    assert corrected == [4 * FS]
    # Without a clock first, in a stream of its own.
    upload(*[packet(seq, stream="0" * 16) for seq in range(20)])
    upload(timed(20, hour_ago, stream="0" * 16))
    assert corrected == [4 * FS, 0]


def test_it_tells_it_of_many_pieces_too(upload, assignment, hour_ago, corrected):
    steps = [timed(seq, hour_ago + seq * SECOND) for seq in range(40)]
    for one in steps[:10], steps[12:]:
        upload(*one)
    assert Record.objects.get().anchors.count() > ANCHORS
    assert corrected == []
    upload(timed(11, hour_ago + 300 * SECOND))
    assert corrected == [11 * FS]


def test_a_clock_of_whole_seconds_makes_few_anchors(upload, assignment, hour_ago):
    seconds = [timed(seq, hour_ago + (seq % 2) * SECOND) for seq in range(60)]
    for start in range(0, 60, 6):
        upload(*seconds[start : start + 6])
    record = Record.objects.get()
    assert record.anchors.count() == OFTEN
    assert abs(record.time_of(59 * FS) - hour_ago - 60 * SECOND) <= 2 * SECOND
    # A clock that is set is believed all the same.
    later = hour_ago + 600 * SECOND
    upload(*[timed(seq, later) for seq in range(60, 63)])
    record.refresh_from_db()
    assert record.anchors.count() == OFTEN + 1
    assert record.time_of(62 * FS) == later + 62 * SECOND


def test_an_hour_later_a_coarse_clock_is_believed_again():
    time_map = TimeMap(1, [Piece(0, START)])
    for sample in range(1, 2 * OFTEN):
        time_map.observe(sample, START + (sample + sample % 2) * SECOND)
    assert len(time_map.pieces) == OFTEN
    time_map.observe(2 * LATELY_S, START + (2 * LATELY_S + 1.5) * SECOND)
    assert len(time_map.pieces) == OFTEN + 1


def test_late_packets_of_a_coarse_clock_move_nothing_far(upload, assignment, hour_ago):
    packets = [timed(seq, hour_ago + (seq % 2) * SECOND) for seq in range(90)]
    late = {40, 41, 70}
    upload(*[packet for seq, packet in enumerate(packets) if seq not in late])
    upload(*[packets[seq] for seq in sorted(late)])
    record = Record.objects.get()
    assert record.anchors.count() <= OFTEN + 1
    for seq in range(90):
        counted = hour_ago + seq * SECOND
        assert abs(record.time_of(seq * FS) - counted) <= 3 * SECOND


def clock(rng: random.Random, seconds: int) -> list[tuple[int, datetime]]:
    """Return a reading every minute of a clock that drifts, jitters and is set."""
    readings, error_s, drift = [], 0.0, rng.choice([0.0, 1e-5, 1e-3])
    jitter_s, jumps = rng.choice([0.0, 0.1, 0.6]), rng.choice([0.0, 0.01, 0.05])
    for sample in range(0, seconds, 60):
        error_s += 60 * drift
        if rng.random() < jumps:
            error_s += rng.choice([-30.0, -0.4, 0.4, 5.0])
        told_s = sample + error_s + rng.uniform(-jitter_s, jitter_s)
        readings.append((sample, START + told_s * SECOND))
    return readings


def fitted(readings: list[tuple[int, datetime]]) -> TimeMap:
    time_map = TimeMap(1)
    for sample, at in readings:
        time_map.observe(sample, at)
    return time_map


def test_a_map_that_is_fitted_anew_is_what_all_readings_in_order_make():
    rng = random.Random(3)
    refitted = stopped_early = 0
    for _ in range(300):
        readings = clock(rng, 24 * 3600)
        # A few readings come late; some of them say something of their own.
        late = {rng.randrange(1, 700) for _ in range(rng.randint(1, 3))}
        for number in late:
            sample, at = readings[number]
            readings[number] = sample, at + rng.choice([0, 0.3, 7]) * SECOND
        time_map = fitted([r for n, r in enumerate(readings) if n not in late])
        misfits = [readings[n][0] for n in late if not time_map.agrees(*readings[n])]
        if misfits:
            start = time_map.refit_start(min(misfits))
            behind = iter([one for one in readings if one[0] > start])
            time_map.refit(min(misfits), max(misfits), behind)
            refitted += 1
            stopped_early += any(True for _ in behind)
        assert time_map.pieces == fitted(readings).pieces
    assert refitted > 100
    assert stopped_early > 50


def test_a_late_reading_is_judged_by_what_came_before_it():
    daily = [Piece(n * 86_400, START + n * 86_400.5 * SECOND) for n in range(2 * OFTEN)]
    time_map = TimeMap(1, daily)
    at = time_map.time_of(86_500)
    assert not time_map.agrees(86_500, at + SECOND)
