"""What the benchmark of live load says of a run that is known."""

from array import array
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from bench.live.fleet import Fleet
from bench.live.latency import Window, ack_figures, frame_figures
from bench.live.log_errors import log_errors
from bench.live.memory import Memory
from bench.live.packet_templates import make_templates, whole_packets
from bench.live.people import Worn
from bench.live.plan import DevicePlan, LoadOutcome, ViewerPlan, ViewersOutcome
from bench.live.profiling import top
from bench.live.truth import compare
from devices.codec import decode_binary
from devices.models import Assignment, Chunk
from devices.services import store_packets
from devices.simulator.source import SignalSource

STREAM = "5f0c9a1e77b24d10"
NAN = float("nan")


def test_it_finds_what_is_lost(assignment: Assignment) -> None:
    fleet, outcome = _fleet(), _outcome([1.0, 1.0, NAN, 1.0])
    assert compare(fleet, outcome).lost == 3 * 125
    now = timezone.now()
    t0_us = round((now - timedelta(seconds=2)).timestamp() * 1e6)
    body = fleet.templates.body(STREAM, [0, 1, 2, 3], 1, t0_us)
    packets = decode_binary(body).packets
    store_packets(device=assignment.device, packets=packets, received_at=now)
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
    assert found["frame_ms"]["p99"] == pytest.approx(399, abs=1.5)
    assert found["frame_ms"]["p50"] == pytest.approx(300, abs=0.5)


def test_it_tells_how_memory_grows() -> None:
    memory = Memory({"web": 1})
    rows = [(0.0, 1000, 400), (300.0, 1005, 408), (600.0, 1010, 416)]
    memory.samples["web", 1] = rows
    memory.samples["web", 2] = [(300.0, 500, 0), (600.0, 9000, 0)]
    found = memory.figures()["web"]
    assert found["most_growth_percent_per_10_min"] == 1.0
    assert found["most_growth_of_own_percent_per_10_min"] == 4.0
    assert found["processes"] == 1
    assert found["start_mb"] == 1.0


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


def _fleet() -> Fleet:
    adu = whole_packets(np.arange(2500, dtype=np.int16), 125)
    source = SignalSource(adu, 250, 1000.0, 0, ("I",))
    templates = make_templates(source, packet_s=0.5, form="binary")
    plan = DevicePlan("tcd_x", STREAM, 1, 0.0)
    return Fleet([plan], [Worn(7, "TC-1", "tcd_x")], 1, templates, adu, "a ramp")


def _outcome(acked: list[float], begins: float = 0.0) -> LoadOutcome:
    return LoadOutcome([begins], [array("d", acked)], ended=110.0)
