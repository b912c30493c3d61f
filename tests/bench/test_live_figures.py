"""What the benchmark of live load says of a run that is known."""

from array import array
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from bench.live.course import Course, segment_figures
from bench.live.exit_status import exit_status
from bench.live.fleet import Fleet
from bench.live.latency import Window, ack_figures
from bench.live.log_errors import log_errors
from bench.live.memory import Memory
from bench.live.packet_templates import make_templates, whole_packets
from bench.live.people import Worn
from bench.live.plan import DevicePlan, LoadOutcome, ViewerPlan, ViewersOutcome
from bench.live.profiling import top
from bench.live.shown import frame_figures, label_figures
from bench.live.stored_labels import StoredLabels, read_stored
from bench.live.truth import compare, never_acked
from devices.codec import decode_binary
from devices.models import Assignment, Chunk, Device, Record
from devices.services import store_packets
from devices.simulator.source import SignalSource
from inference.models import AnalysisState, BeatBlock
from inference.packed_beats import pack_beats
from patients.models import Patient

STREAM = "5f0c9a1e77b24d10"
NAN = float("nan")
WORN = Worn(7, "TC-1", "tcd_x")


def test_it_finds_what_is_lost(assignment: Assignment) -> None:
    fleet, outcome = _fleet_of(assignment), _outcome([1.0, 1.0, NAN, 1.0])
    assert compare(fleet, outcome).lost == 3 * 125
    _store(fleet, assignment)
    kept = compare(fleet, outcome)
    assert (kept.samples_acked, kept.lost) == (375, 0)
    assert (kept.samples_unheard, kept.samples_repeated) == (125, 0)
    changed = Chunk.objects.get(seq=3)
    data = bytearray(changed.data)
    data[8] ^= 1
    Chunk.objects.filter(seq=3).update(data=bytes(data))
    Chunk.objects.filter(seq=0).delete()
    kept = compare(fleet, outcome)
    assert (kept.lost, kept.samples_repeated) == (126, 125)
    # 375 samples are there to be read.
    Record.objects.update(sample_count=300)
    assert compare(fleet, outcome).samples_repeated == 75


def test_it_counts_as_lost_what_is_kept_as_somebody_elses(
    assignment: Assignment, other_patient: Patient
) -> None:
    fleet, outcome = _fleet_of(assignment), _outcome([1.0, 1.0, NAN, 1.0])
    _store(fleet, assignment)
    Record.objects.update(patient=other_patient)
    assert compare(fleet, outcome).lost == 375
    Record.objects.update(patient=assignment.patient)
    assert compare(fleet, outcome).lost == 0
    other = Device.objects.create(serial="TC-0002")
    Record.objects.update(device=other)
    assert compare(fleet, outcome).lost == 375


def test_it_counts_packets_that_were_never_acked_also_before_the_measured_time() -> (
    None
):
    assert never_acked(_fleet(), _outcome([NAN, 1.0, NAN])) == 2


@pytest.mark.parametrize(
    ("figures", "status"),
    [
        ({"late": 900, "frames_missing": 3, "labels_missing": 5}, 0),
        ({"lost": 1}, 1),
        ({"never_acked": 1}, 1),
        ({"packets_refused": 1}, 1),
        # Asked again, and stored.
        ({"refused": {"429": 3, "503": 1}}, 0),
        ({"acked": 0}, 1),
        ({"failed": "ended with status 1"}, 1),
    ],
)
def test_its_status_is_1_if_anything_recorded_is_gone(
    figures: dict[str, object], status: int
) -> None:
    whole = {"acked": 9, "lost": 0, "never_acked": 0, "packets_refused": 0}
    assert exit_status(whole | figures) == status


def test_it_counts_the_wait_of_a_packet_that_is_never_acked() -> None:
    fleet = _fleet()
    # Packets of 0.5 s from second 100 on; the first is not measured.
    window = Window(fleet, _outcome([1.0, 101.1, NAN, 102.02], 100.0), 100.6, 103.0)
    found = ack_figures(window)
    assert (found["packets"], found["acked"], found["late"]) == (3, 2, 1)
    # Given up at second 110, 8.5 s after it was recorded.
    assert found["ack_ms"]["p50"] == pytest.approx(100, abs=0.5)
    assert found["ack_ms"]["p99"] == pytest.approx(8332, abs=5)


def test_it_times_each_frame_once_and_misses_those_that_never_came() -> None:
    fleet = _fleet()
    window = Window(fleet, _outcome([100.6, 101.1, 101.6, NAN], 100.0), 100.0, 102.0)
    seen = ViewersOutcome(
        frame_viewer=array("q", [0, 0, 0]),
        frame_patient=array("q", [7, 7, 7]),
        frame_sample=array("q", [0, 0, 125]),
        frame_at=array("d", [100.7, 109.0, 101.4]),
    )
    found = frame_figures(window, [ViewerPlan("", [7])], seen)
    assert (found["frames"], found["frames_missing"]) == (2, 1)
    assert found["frame_ms"]["p50"] == pytest.approx(400, abs=0.5)
    # The missing one waited from second 101.5 to 110, when all was over.
    assert found["frame_ms"]["p99"] == pytest.approx(8338, abs=1.5)


def test_a_frame_that_was_never_acked_makes_up_for_no_other() -> None:
    window = Window(_fleet(), _outcome([100.6, 101.1, NAN], 100.0), 100.0, 101.6)
    seen = ViewersOutcome(
        frame_viewer=array("q", [0, 0]),
        frame_patient=array("q", [7, 7]),
        frame_sample=array("q", [0, 250]),
        frame_at=array("d", [100.7, 101.6]),
    )
    found = frame_figures(window, [ViewerPlan("", [7])], seen)
    assert (found["frames"], found["frames_missing"]) == (2, 1)


def test_a_frame_is_late_and_not_missing_if_it_was_under_way_at_the_end() -> None:
    window = Window(_fleet(), _outcome([109.0], 100.0), 100.0, 101.0)
    found = frame_figures(window, [ViewerPlan("", [7])], ViewersOutcome())
    assert (found["frames"], found["frames_missing"]) == (0, 0)
    assert found["frame_ms"]["p50"] == 9500


def test_it_counts_each_label_once_and_misses_what_no_page_showed() -> None:
    # Spans of 30 s: the load begins with the second one.
    window = Window(_fleet(), _outcome([], 100.0), 70.0, 130.0)
    stored = _stored([100, 300, 500], [101.0, 102.0, NAN])
    seen = ViewersOutcome(
        # The first page gets a beat once more, and another where it was told before it
        # had settled; the second page has what the first lacks, which does not help.
        beat_viewer=array("q", [0, 1, 1, 1, 0, 0]),
        beat_patient=array("q", [7] * 6),
        beat_sample=array("q", [100, 100, 300, 500, 320, 100]),
        beat_at=array("d", [101.5, 101.5, 102.5, 103.5, 103.5, 109.0]),
        ended=140.0,
    )
    found = label_figures(window, [ViewerPlan("", [7])] * 2, seen, stored)
    assert (found["labels"], found["labels_missing"]) == (5, 1)
    # Complete at seconds 100.5, 101.5 and 102.5; one waited until second 140.
    assert found["label_ms"]["p50"] == 1000
    assert found["label_ms"]["p99"] == 35725
    assert found["label_p99_ms_by_30_s"] == [None, 35725]
    assert (found["labels_stored"], found["label_stored_share"]) == (3, 0.667)
    assert found["label_stored_ms"]["p50"] == 500
    assert found["unlabelled_s"] == 0


def test_a_label_is_near_for_150_ms_and_stands_for_one_beat() -> None:
    window = Window(_fleet(), _outcome([], 100.0), 100.0, 105.0)
    stored = _stored([300, 340, 500, 800], [101.0] * 4)
    seen = ViewersOutcome(
        beat_viewer=array("q", [0, 0, 0]),
        beat_patient=array("q", [7] * 3),
        beat_sample=array("q", [320, 538, 780]),
        beat_at=array("d", [102.0] * 3),
    )
    found = label_figures(window, [ViewerPlan("", [7])], seen, stored)
    assert found["labels_missing"] == 2


def test_a_label_that_was_stored_at_the_very_end_is_late_and_not_missing() -> None:
    window = Window(_fleet(), _outcome([], 100.0), 100.0, 105.0)
    stored = _stored([100, 300], [109.0, 107.0])
    found = label_figures(window, [ViewerPlan("", [7])], ViewersOutcome(), stored)
    assert (found["labels"], found["labels_missing"]) == (0, 1)
    assert found["label_ms"]["p50"] == pytest.approx((9500 + 8500) / 2)


def test_signal_that_is_not_analysed_waits_as_a_label_a_second_would() -> None:
    window = Window(_fleet(), _outcome([], 100.0), 101.0, 105.0)
    stored = _stored([], [], reached=2 * 250)
    found = label_figures(window, [ViewerPlan("", [7])], ViewersOutcome(), stored)
    assert (found["unlabelled_s"], found["labels_missing"]) == (3, 0)
    # They are complete at seconds 102.5, 103.5 and 104.5.
    assert found["label_ms"]["p50"] == found["label_stored_ms"]["p50"] == 6500
    assert found["label_stored_share"] is None


def test_it_reads_packed_labels_but_not_when_they_were_stored(
    assignment: Assignment,
) -> None:
    fleet = _fleet_of(assignment)
    _store(fleet, assignment)
    record = Record.objects.get()
    _block(record, [10, 200])
    _block(record, [300, 450], packed=True)
    _block(record, [480], provisional=True)
    AnalysisState.objects.create(
        record=record, cursor_sample=500, advanced_at=record.started_at
    )
    window = Window(fleet, _outcome([], 100.0), 100.9, 102.5)
    found = read_stored(window)
    # The packet with sample 10 was complete before the measured time.
    assert sorted(found.sample.tolist()) == [200, 300, 450]
    assert found.device.tolist() == [0, 0, 0]
    assert np.isnan(found.committed[found.sample >= 300]).all()
    assert found.reached.tolist() == [500]


def test_it_tells_how_many_segments_are_usual() -> None:
    course = Course(100.0, 160.0, {}, {}, {}, segments=7)
    assert segment_figures(course, 30) == {"segments": 7, "segments_usual": 6.0}


def test_it_tells_how_memory_grows() -> None:
    memory = Memory({"web": 1})
    rows = [(0.0, 1000, 400), (300.0, 1005, 408), (600.0, 1010, 416)]
    memory.samples["web", 1] = rows
    memory.samples["web", 2] = [(300.0, 500, 0), (600.0, 9000, 0)]
    found = memory.figures()["web"]
    assert found["most_growth_percent_per_10_min"] == 1.0
    assert found["most_growth_of_own_percent_per_10_min"] == 4.0
    # 1,000, 1,505 and 10,010 together.
    assert found["growth_percent_per_10_min"] == 901.0
    assert (found["processes"], found["came_or_went"]) == (1, 1)
    assert found["start_mb"] == 1.0


def test_a_child_that_shares_its_memory_for_a_moment_is_no_growth() -> None:
    memory = Memory({"redis": 1})
    for at in range(0, 600, 20):
        forked = at in (60, 80, 300)
        memory.samples["redis", 1].append(
            (at, 5000 if forked else 10_000 + at // 60, 0)
        )
        if forked:
            memory.samples["redis", at].append((at, 5000, 0))
    found = memory.figures()["redis"]
    assert 0.05 < found["most_growth_percent_per_10_min"] < 0.15
    assert 0.05 < found["growth_percent_per_10_min"] < 0.15


def test_it_reads_errors_from_logs(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text("ERROR it broke\nWARNING hm\nall well\n")
    (tmp_path / "beat.log").write_text("   . logfile -> [stderr]@%WARNING\n")
    found = log_errors(tmp_path, ["web", "beat", "mail"])
    assert set(found) == {"web"}
    assert (found["web"]["errors"], found["web"]["warnings"]) == (1, 1)


def test_it_tells_where_time_goes() -> None:
    lines = top("main;serve;send 3\nmain;serve 1\n").splitlines()
    assert lines[0] == "4 samples"
    assert " 100.0 %  main" in lines
    assert "  75.0 %  send" in lines


def _fleet(worn: Worn = WORN) -> Fleet:
    adu = whole_packets(np.arange(2500, dtype=np.int16), 125)
    source = SignalSource(adu, 250, 1000.0, 0, ("I",))
    templates = make_templates(source, packet_s=0.5, form="binary")
    plan = DevicePlan("tcd_x", STREAM, 1, 0.0)
    return Fleet([plan], [worn], 1, templates, adu, "a ramp")


def _fleet_of(assignment: Assignment) -> Fleet:
    return _fleet(Worn(assignment.patient_id, assignment.device.serial, "tcd_x"))


def _store(fleet: Fleet, assignment: Assignment) -> None:
    """Store four packets."""
    now = timezone.now()
    t0_us = round((now - timedelta(seconds=2)).timestamp() * 1e6)
    body = fleet.templates.body(STREAM, [0, 1, 2, 3], 1, t0_us)
    packets = decode_binary(body).packets
    store_packets(device=assignment.device, packets=packets, received_at=now)


def _stored(
    samples: list[int], committed: list[float], *, reached: int = 250 * 30
) -> StoredLabels:
    sample = np.array(samples, int)
    device, reaches = np.zeros(len(sample), int), np.array([reached])
    return StoredLabels(device, sample, np.array(committed), reaches)


def _block(
    record: Record,
    samples: list[int],
    *,
    packed: bool = False,
    provisional: bool = False,
) -> None:
    n = len(samples)
    arrays = {
        "samples": np.array(samples, "<i8").tobytes(),
        "classes": bytes(n),
        "probabilities": np.eye(5, dtype="<f4")[[0] * n].tobytes(),
        "rr_ms": np.full(n, 800, "<f4").tobytes(),
        "quality": bytes(1),
    }
    columns = {"packed": pack_beats(arrays)} if packed else arrays
    BeatBlock.objects.create(
        record=record,
        annotator="a",
        start_sample=samples[0],
        end_sample=samples[-1] + 1,
        first_beat_sample=samples[0],
        last_beat_sample=samples[-1],
        count=n,
        provisional=provisional,
        created_at=timezone.now(),
        **columns,
    )


def _outcome(acked: list[float], begins: float = 0.0) -> LoadOutcome:
    return LoadOutcome([begins], [array("d", acked)], ended=110.0)
