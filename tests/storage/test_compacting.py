"""Chunks become segments: nothing changes for whoever reads, whatever happens."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Barrier, Thread

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devices import segment_files
from devices.models import (
    SEGMENT_S,
    Assignment,
    Chunk,
    Device,
    LooseFile,
    Record,
    Segment,
)
from devices.reading import read_adu, read_clock, stored_ranges
from devices.segment_files import read_segment, segment_store
from devices.services import (
    compact_record,
    compact_span,
    remove_loose_files,
    store_packets,
)
from devices.services.compacting import due_spans
from devices.services.segments import KEEP_REPLACED, Overtaken
from inference.services.lots import CHECKPOINT_S
from tests.storage.conftest import SPAN, Store, compact, everything, packet

pytestmark = pytest.mark.django_db


def test_it_cuts_segments_where_the_analysis_has_its_checkpoints() -> None:
    assert SEGMENT_S == CHECKPOINT_S


@pytest.mark.parametrize("order", ["in order", "shuffled"])
def test_it_changes_nothing_for_whoever_reads(store: Store, order: str) -> None:
    packets = [packet(seq) for seq in range(520) if seq not in range(200, 210)]
    # Across the edge of two spans, and heartbeats between.
    packets[149] = packet(149, n=150)
    packets[151] = packet(151, n=0)
    packets[300] = packet(packets[300].seq, n=0)
    if order == "shuffled":
        random.Random(2).shuffle(packets)
    assert set(store(packets)) == {"stored"}
    record = Record.objects.get()
    before = everything(record)
    assert compact(record) == 3
    assert Chunk.objects.filter(n__gt=0).count() == 520 - 450
    assert everything(record) == before
    assert compact(record) == 0
    assert compact(record, ended=True) == 1
    assert Chunk.objects.count() == 0
    assert everything(record) == before
    assert not LooseFile.objects.exists()


def test_it_waits_for_the_analysis_and_for_late_packets(store: Store) -> None:
    store([packet(seq) for seq in range(320)], after_s=700)
    record = Record.objects.get()
    now = record.last_received_at
    assert due_spans(record, 2 * SPAN - 1, now=timezone.now()) == [0]
    assert due_spans(record, SPAN - 1, now=timezone.now()) == []
    assert due_spans(record, 2 * SPAN, now=timezone.now()) == [0, SPAN]
    assert due_spans(record, 2 * SPAN, now=now + timedelta(minutes=9)) == []
    assert due_spans(record, 2 * SPAN, now=now + timedelta(minutes=11)) == [0, SPAN]


def test_it_leaves_a_packet_in_its_span_that_reaches_into_the_next(
    store: Store,
) -> None:
    wide = packet(0, n=3000, first_sample=SPAN - 100)
    store(
        [wide, *[packet(seq, first_sample=SPAN + 2700 + 200 * seq) for seq in (1, 2)]]
    )
    record = Record.objects.get()
    before = everything(record)
    assert compact(record, analysed=SPAN + 2000) == 0
    assert compact(record) == 1
    segment = Segment.objects.get()
    assert (segment.start_sample, segment.end_sample) == (SPAN - 100, SPAN + 2900)
    assert everything(record) == before


def test_it_writes_a_segment_anew_for_late_packets(store: Store) -> None:
    store([packet(seq) for seq in range(300) if seq not in (40, 41, 77)])
    record = Record.objects.get()
    compact(record)
    old = Segment.objects.get(span_sample=0)
    assert store([packet(77), packet(41)], after_s=900) == ["stored"] * 2
    before = everything(record)
    assert Chunk.objects.count() == 2
    assert compact(record) == 1
    assert Chunk.objects.count() == 0
    assert everything(record) == before
    new = Segment.objects.get(span_sample=0)
    assert new.chunk_count == old.chunk_count + 2
    # Until backups that were begun before are through, the old file stays.
    assert read_segment(old.key)
    now = timezone.now()
    assert remove_loose_files(now=now) == 0
    assert remove_loose_files(now=now + KEEP_REPLACED + timedelta(minutes=1)) == 1
    with pytest.raises(FileNotFoundError):
        read_segment(old.key)
    assert read_segment(new.key)


def test_it_keeps_segments_in_the_order_of_seq_when_heartbeats_came_first(
    store: Store,
) -> None:
    beat = packet(155, n=0, first_sample=1)
    store([*[packet(seq) for seq in range(145)], beat])
    store([packet(seq) for seq in range(160, 460)])
    record = Record.objects.get()
    compact(record)
    second = Segment.objects.get(span_sample=SPAN)
    assert second.first_seq == 155
    # These lie in the first span; one of them follows the heartbeat by seq.
    late = packet(156, first_sample=145 * 200)
    assert store([late], after_s=2000) == ["stored"]
    before = everything(record)
    compact(record)
    rows = list(Segment.objects.order_by("span_sample"))
    assert [row.first_seq for row in rows[:2]] == [0, 160]
    assert [row.last_seq for row in rows[:2]] == [156, 299]
    assert everything(record) == before
    assert store([beat, late], after_s=3000) == ["duplicate"] * 2


def test_it_makes_an_old_packet_a_duplicate_or_conflict_for_ever(store: Store) -> None:
    packets = [packet(seq) for seq in range(600) if seq not in range(155, 160)]
    store([*packets, packet(158, n=0)])
    record = Record.objects.get()
    compact(record, ended=True)
    assert not Chunk.objects.exists()
    asked = [
        (packet(0), "duplicate"),
        (packet(299), "duplicate"),
        (packet(599), "duplicate"),
        (packet(158, n=0), "duplicate"),
        (packet(158), "conflict"),
        (packet(7, n=100), "conflict"),
        (packet(7, first_sample=7 * 200 + 1), "conflict"),
        (packet(156, first_sample=155 * 200 - 1), "overlap"),
        (packet(156, first_sample=3 * 200), "overlap"),
        (packet(700, first_sample=3 * 200), "overlap"),
        (packet(156, first_sample=700 * 200), "order"),
        (packet(700, first_sample=156 * 200), "order"),
        (packet(156), "stored"),
        (packet(600), "stored"),
    ]
    for one, expected in asked:
        assert store([one], after_s=2000) == [expected], one.seq
    assert store([one for one, _ in asked[:4]], after_s=2000) == ["duplicate"] * 4


def test_it_asks_nothing_about_segments_where_a_stream_goes_on(
    store: Store,
) -> None:
    store([packet(seq) for seq in range(300)])
    compact(Record.objects.get())
    with CaptureQueriesContext(connection) as queries:
        store([packet(300)], after_s=2000)
    assert not any("devices_segment" in query["sql"] for query in queries)
    record = Record.objects.get()
    with CaptureQueriesContext(connection) as queries:
        read_adu(record, 290 * 200, 301 * 200)
        stored_ranges(record, 290 * 200, 301 * 200)
    assert sum("devices_segment" in query["sql"] for query in queries) == 2
    store([packet(seq) for seq in range(301, 305)], after_s=2000)
    with CaptureQueriesContext(connection) as queries:
        assert read_adu(record, 300 * 200, 305 * 200)[1].all()
        assert stored_ranges(record, 300 * 200, 305 * 200) == [(60_000, 61_000)]
    assert len(queries) == 2


def test_it_keeps_everything_when_writing_or_swapping_fails(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store([packet(seq) for seq in range(160)])
    record = Record.objects.get()
    before = everything(record)

    def full(store: Storage, name: str, content: object) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(type(segment_store()), "_save", full)
        with pytest.raises(OSError, match="No space"):
            compact(record)
    assert everything(record) == before

    # As if it was killed between the file and the rows.
    def killed(key: str, data: bytes) -> None:
        segment_files.write_segment(key, data)
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("devices.services.segments.write_segment", killed)
        with pytest.raises(SystemExit):
            compact(record)
    assert everything(record) == before
    loose = list(LooseFile.objects.values_list("key", flat=True))
    assert len(loose) == 2
    assert remove_loose_files(now=timezone.now()) == 0
    assert remove_loose_files(now=timezone.now() + timedelta(hours=2)) == 2
    with pytest.raises(FileNotFoundError):
        read_segment(loose[1])
    assert compact(record) == 1
    assert everything(record) == before


def test_it_gives_up_when_its_announcement_is_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store([packet(seq) for seq in range(160)])
    record = Record.objects.get()
    before = everything(record)

    def slow(key: str, data: bytes) -> None:
        segment_files.write_segment(key, data)
        remove_loose_files(now=timezone.now() + timedelta(hours=2))

    monkeypatch.setattr("devices.services.segments.write_segment", slow)
    with pytest.raises(Overtaken):
        compact_span(record=record, span_sample=0, now=timezone.now())
    assert everything(record) == before


def test_it_fits_the_time_map_alike_whether_the_clock_was_told_to_a_segment(
    device: Device, assignment: Assignment, start_at: datetime
) -> None:
    def at(seq: int) -> datetime:
        # A clock that is put right twice.
        wrong_s = 0 if seq < 60 else 5 if seq < 110 else -2
        return start_at + timedelta(seconds=2 * seq + wrong_s)

    maps = []
    late = set(range(55, 65)) | set(range(105, 120))
    for stream, compacts in (("a" * 16, False), ("b" * 16, True)):
        packets = [
            replace(packet(seq), stream=stream, at=at(seq)) for seq in range(310)
        ]
        for part in ([p for p in packets if p.seq not in late], packets):
            received_at = start_at + timedelta(seconds=900)
            store_packets(device=device, packets=part, received_at=received_at)
            record = Record.objects.get(stream=stream)
            if compacts:
                assert compact(record) > 0
        maps.append(list(record.anchors.values_list("sample", "at", "step_ms")))
    assert len(maps[0]) == 3
    assert maps[0] == maps[1]


def test_it_reads_the_clock_in_order_and_no_further_than_asked(
    store: Store, start_at: datetime
) -> None:
    store([packet(seq) for seq in range(450) if seq not in (7, 200)], after_s=900)
    record = Record.objects.get()
    assert compact(record, analysed=2 * SPAN) == 2
    store([packet(200), packet(7)], after_s=900)
    told = [(seq * 200, start_at + timedelta(seconds=2 * seq)) for seq in range(1, 450)]
    assert list(read_clock(record, 0)) == told
    Segment.objects.filter(span_sample=SPAN).update(places=b"")
    assert list(islice(read_clock(record, 0), 149)) == told[:149]


@pytest.mark.django_db(transaction=True)
def test_it_lets_several_workers_and_an_upload_at_the_same_record(
    store: Store,
) -> None:
    store([packet(seq) for seq in range(760) if seq % 50])
    record = Record.objects.get()
    start = Barrier(4)
    failures: list[Exception] = []
    done: list[int] = []

    def run(work: object) -> None:
        try:
            start.wait()
            work()  # type: ignore[operator]
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    def compacting() -> None:
        done.append(
            compact_record(record=record, analysed_sample=150_000, now=timezone.now())
        )

    def uploading() -> None:
        for seq in range(0, 760, 50):
            assert store([packet(seq)], after_s=3000) == ["stored"]
            assert store([packet(seq), packet(seq + 1)]) == ["duplicate"] * 2

    work = [compacting, compacting, compacting, uploading]
    threads = [Thread(target=run, args=[one]) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert compact(record) >= 0
    compact(record)
    assert Segment.objects.count() == 5
    assert sum(row.chunk_count for row in Segment.objects.all()) == 750
    adu, stored, told, ranges = everything(record)
    assert ranges == [(0, 760 * 200)]
    assert [row["seq"] for row in told] == list(range(760))


def test_a_damaged_segment_keeps_no_other_span_from_becoming_one(store: Store) -> None:
    store([packet(seq) for seq in range(450) if seq != 7])
    record = Record.objects.get()
    assert compact(record, analysed=SPAN) == 1
    segment_store().delete(Segment.objects.get().key)
    # Its segment is to be written anew, and cannot be read.
    store([packet(7)])
    assert compact(record) == 2
    assert Segment.objects.count() == 3
    with pytest.raises(FileNotFoundError):
        compact(record)


def test_damaged_segments_are_not_counted_among_those_done_at_once(
    store: Store,
) -> None:
    store([packet(seq) for seq in range(450) if seq not in (7, 157)])
    record = Record.objects.get()
    assert compact(record, analysed=2 * SPAN) == 2
    for segment in Segment.objects.all():
        segment_store().delete(segment.key)
    store([packet(7), packet(157)])
    assert compact(record, at_most=1) == 1
    assert Segment.objects.filter(span_sample=2 * SPAN).exists()


def test_the_end_of_a_stream_without_a_clock_becomes_a_segment_after_a_day(
    device: Device, assignment: Assignment
) -> None:
    now = timezone.now()
    packets = [packet(seq) for seq in range(100)]
    store_packets(device=device, packets=packets, received_at=now)
    record = Record.objects.get()
    assert record.time_uncertain
    assert compact(record, ended=True, now=now + timedelta(hours=23)) == 0
    assert compact(record, ended=True, now=now + timedelta(hours=25)) == 1
    assert not record.chunks.exists()


def test_a_file_that_cannot_be_removed_keeps_no_other(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    store = segment_store()
    for number in range(250):
        key = f"loose/{number}"
        store.save(key, ContentFile(b"x"))
        LooseFile.objects.create(
            key=key, remove_after=now - timedelta(hours=number + 1)
        )
    # The first in the queue is a folder that is not empty.
    stuck = Path(store.path("loose/249"))
    stuck.unlink()
    (stuck / "inside").mkdir(parents=True)
    assert remove_loose_files(now=now) == 249
    [left] = LooseFile.objects.all()
    assert (left.key, left.remove_after > now) == ("loose/249", True)


def test_what_a_killed_writer_left_of_a_file_goes_with_it(db: None) -> None:
    store = segment_store()
    part = Path(store.path("loose/killed.part"))
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(b"half")
    now = timezone.now()
    LooseFile.objects.create(key="loose/killed", remove_after=now - timedelta(hours=1))
    assert remove_loose_files(now=now) == 1
    assert not part.exists()
