"""What a virtual device does with the replies of the protocol's table."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from devices.simulator.device import NO_PATIENT, PAIR_AGAIN, Reply, VirtualDevice
from devices.simulator.faults import Faults
from devices.simulator.source import SignalSource

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
OK = 200


def ramp(n: int = 100_000) -> SignalSource:
    adu = (np.arange(n) % 30_000).astype(np.int16)[:, None]
    return SignalSource(adu=adu, fs=250, gain=1000.0, baseline=0, leads=("I",))


def device(**options) -> VirtualDevice:
    options = {"total_s": 10.0, "live_s": 0.0, **options}
    return VirtualDevice(serial="A", source=ramp(), start_at=START, **options)


def reply(request, status=OK, **results) -> Reply:
    """Answer "stored" for every packet, or what ``results`` says of its seq."""
    verdicts = [
        {"seq": p.seq, "result": results.get(f"seq{p.seq}", "stored")}
        for p in request.packets
    ]
    return Reply(status, {"packets": verdicts})


def positions(request) -> list[int]:
    return [packet.position // 250 for packet in request.packets]


def test_it_numbers_packets_and_gives_them_the_time_of_their_first_sample():
    it = device(total_s=2.5)
    it.record(10)
    bodies = json.loads(it.next_request(0.0).body)["packets"]
    assert [b["seq"] for b in bodies] == [0, 1, 2]
    assert [b["first_sample"] for b in bodies] == [0, 250, 500]
    assert [len(b["samples"]) for b in bodies] == [250, 250, 125]
    assert [b["at"][17:] for b in bodies] == ["00.000Z", "01.000Z", "02.000Z"]
    assert bodies[2]["mono_ms"] - bodies[0]["mono_ms"] == 2000
    assert bodies[0]["samples"][:3] == [0, 1, 2]
    assert len(bodies[0]["stream"]) == 16
    assert bodies[2]["status"]["backlog"] == 2


def test_it_records_only_complete_packets_until_the_end():
    it = device()
    it.record(1.999)
    assert it.counters.packets_recorded == 1
    it.record(60)
    assert it.counters.samples_recorded == 2500
    assert it.recorder.done


def test_it_leaves_out_a_rest_too_short_for_a_packet():
    it = device(total_s=2.05)
    it.record(60)
    assert it.counters.samples_recorded == 500


def test_it_forgets_packets_that_were_stored_or_stored_before():
    it = device(total_s=2)
    it.record(2)
    request = it.next_request(0.0)
    it.answered(request, reply(request, seq1="duplicate"), 0.0)
    assert it.finished
    assert (it.counters.stored, it.counters.repeated) == (2, 1)
    assert it.counters.samples_stored == it.counters.samples_sent == 500


def test_it_keeps_packets_without_an_answer_and_waits_longer_each_time():
    it = device(backoff_s=1.0)
    it.record(10)
    now, waits = 0.0, []
    for _ in range(8):
        request = it.next_request(now)
        it.failed(request, "connection refused", now)
        waits.append(it.wait_s(now))
        assert waits[-1] <= min(60, 2 ** (len(waits) - 1))
        assert it.next_request(now) is None or waits[-1] == 0
        now += waits[-1]
    assert max(waits) > 4
    request = it.next_request(now)
    it.answered(request, reply(request, seq0="duplicate"), now)
    assert it.counters.reconnects == 1
    assert it.finished
    # Every sample counts once, however often it was sent.
    assert it.counters.samples_sent == 2500
    assert it.counters.packets_sent == 90


@pytest.mark.parametrize("status", [500, 502, 503])
def test_it_sends_again_when_the_server_is_in_trouble(status):
    it = device()
    it.record(10)
    request = it.next_request(0.0)
    it.answered(request, Reply(status, {}), 0.0)
    assert len(it.backlog) == 10
    assert it.next_request(100.0).packets == request.packets


def test_it_probes_seldom_once_its_token_is_refused():
    it = device(probe_s=3600)
    it.record(3)
    it.answered(it.next_request(0.0), Reply(401, {"code": "unknown_token"}), 0.0)
    assert it.state == PAIR_AGAIN
    it.record(10)
    assert it.next_request(3599.0) is None
    request = it.next_request(3600.0)
    assert positions(request) == list(range(10))
    it.answered(request, reply(request), 3600.0)
    assert it.state == "recording"


def test_it_holds_packets_nobody_wore_and_goes_on_with_the_others():
    it = device(probe_s=60)
    it.record(10)
    request = it.next_request(0.0)
    it.answered(request, reply(request, 207, seq0="no_patient"), 0.0)
    assert it.state == "recording"
    assert len(it.backlog) == 1
    assert it.next_request(59.0) is None
    assert it.wait_s(59.0) == 1.0
    assert positions(it.next_request(60.0)) == [0]


def test_it_probes_seldom_while_nobody_wears_it():
    it = device(probe_s=60)
    it.record(4)
    request = it.next_request(0.0)
    it.answered(request, Reply(409, {"code": "no_patient"}), 0.0)
    assert it.state == NO_PATIENT
    it.record(6)
    assert it.next_request(59.0) is None
    assert positions(it.next_request(60.0)) == [0, 1, 2, 3, 4, 5]


def test_it_opens_a_new_stream_for_the_packets_that_were_refused():
    it = device()
    it.record(6)
    first = it.next_request(0.0)
    changed = {f"seq{seq}": "stream_changed" for seq in (4, 5)}
    it.answered(first, reply(first, 207, **changed), 0.0)
    it.record(10)
    second = it.next_request(0.0)
    assert second.stream != first.stream
    assert [p.seq for p in second.packets] == [0, 1, 2, 3, 4, 5]
    assert [p.first_sample for p in second.packets][:2] == [0, 250]
    assert positions(second) == [4, 5, 6, 7, 8, 9]
    assert second.packets[0].at.second == 4
    it.answered(second, reply(second), 0.0)
    assert it.finished


def test_it_gives_an_older_refused_part_a_stream_of_its_own():
    """Fresh packets are refused first, then a part of the backlog before them."""
    it = device(live_s=2.0)
    it.record(9)
    fresh = it.next_request(0.0)
    assert positions(fresh) == [7, 8]
    it.answered(fresh, Reply(409, {"code": "stream_changed"}), 0.0)
    again = it.next_request(0.0)
    assert [(p.seq, p.first_sample) for p in again.packets] == [(0, 0), (1, 250)]
    it.answered(again, reply(again), 0.0)
    old = it.next_request(0.0)
    assert positions(old) == [0, 1, 2, 3, 4, 5, 6]
    changed = {f"seq{seq}": "stream_changed" for seq in (3, 4, 5, 6)}
    it.answered(old, reply(old, 207, **changed), 0.0)
    it.record(10)
    newest = it.next_request(0.0)
    assert (newest.stream, newest.packets[0].seq) == (again.stream, 2)
    it.answered(newest, reply(newest), 0.0)
    part = it.next_request(0.0)
    assert part.stream not in (old.stream, again.stream)
    assert [(p.seq, p.at.second) for p in part.packets] == [
        (0, 3),
        (1, 4),
        (2, 5),
        (3, 6),
    ]
    it.answered(part, reply(part), 0.0)
    assert it.finished


def test_it_keeps_the_key_of_a_packet_that_may_be_stored():
    it = device(packet_s=1.0, total_s=3, live_s=1.0)
    it.record(2)
    lost = it.next_request(0.0)
    assert positions(lost) == [1]
    it.failed(lost, "the reply was lost", 0.0)
    it.record(3)
    it.live_s = 0.0
    it.faults = Faults(shuffle=False)
    request = it.next_request(100.0)
    answer = reply(request, 207, seq0="stream_changed", seq1="x", seq2="stream_changed")
    it.answered(request, answer, 100.0)
    kept = it.backlog.of_stream(lost.stream)
    assert [(p.seq, p.first_sample) for p in kept] == [(1, 250)]


def test_it_does_not_open_streams_in_a_hot_loop():
    it = device(total_s=1, backoff_s=1.0)
    it.record(1)
    it.answered(it.next_request(0.0), Reply(409, {"code": "stream_changed"}), 0.0)
    assert it.wait_s(0.0) > 0


@pytest.mark.parametrize("status", [408, 413])
def test_it_halves_the_batch_when_the_body_is_too_large_or_too_slow(status):
    it = device()
    it.record(10)
    it.answered(it.next_request(0.0), Reply(status, {}), 0.0)
    assert len(it.next_request(0.0).packets) == 5


def test_it_keeps_a_single_packet_that_was_too_slow():
    it = device(total_s=1)
    it.record(1)
    it.answered(it.next_request(0.0), Reply(408, {}), 0.0)
    assert it.counters.invalid == 0
    assert it.next_request(100.0)


def test_it_waits_as_long_as_the_server_asks():
    it = device()
    it.record(10)
    it.answered(it.next_request(0.0), Reply(429, {}, retry_after_s=7.0), 0.0)
    assert it.next_request(6.9) is None
    assert it.next_request(7.0)


@pytest.mark.parametrize("status", [415, 422])
def test_it_drops_and_counts_a_packet_that_is_invalid(status):
    it = device(total_s=1)
    it.record(1)
    it.answered(it.next_request(0.0), Reply(status, {"code": "invalid"}), 0.0)
    assert it.finished
    assert it.counters.invalid == 1
    assert it.counters.samples_stored == 0


def test_it_finds_the_poisonous_packet_and_drops_it_after_three_tries():
    it = device(total_s=4, backoff_s=0.0)
    it.record(4)
    now = 0.0
    for _ in range(20):
        request = it.next_request(now)
        if request is None:
            break
        poisoned = 2 in positions(request)
        answer = Reply(400, {}) if poisoned else reply(request)
        it.answered(request, answer, now)
    assert it.finished
    assert (it.counters.invalid, it.counters.stored) == (1, 3)


def test_it_counts_conflicts_as_not_stored():
    it = device(total_s=2)
    it.record(2)
    request = it.next_request(0.0)
    it.answered(request, reply(request, 207, seq1="conflict"), 0.0)
    assert (it.counters.conflicts, it.counters.samples_stored) == (1, 250)


def test_it_records_through_an_outage_and_sends_fresh_packets_first():
    it = device(total_s=60, faults=Faults(outages=((10, 40),)), live_s=5.0)
    it.record(10)
    assert it.offline
    assert it.next_request(0.0) is None
    it.record(40)
    assert not it.offline
    first = it.next_request(0.0)
    assert positions(first) == [35, 36, 37, 38, 39]
    it.answered(first, reply(first), 0.0)
    assert positions(it.next_request(0.0)) == list(range(30))


def test_it_is_back_from_an_outage_when_the_recording_ends():
    it = device(total_s=20, faults=Faults(outages=((10, 400),)))
    it.record(20)
    assert not it.offline


def test_it_sends_in_random_order_when_told_to():
    it = device(total_s=60, faults=Faults(shuffle=True))
    it.record(60)
    sent = []
    while not it.finished:
        request = it.next_request(0.0)
        sent += positions(request)
        it.answered(request, reply(request), 0.0)
    assert sorted(sent) == list(range(60))
    assert sent != sorted(sent)


def test_its_clock_jumps_when_told_to_and_its_samples_go_on():
    it = device(faults=Faults(clock_steps=((2.0, 30.0), (4.0, -40.0))), total_s=6.0)
    it.record(10)
    packets = it.next_request(0.0).packets
    clock_s = [(packet.at - START).total_seconds() for packet in packets]
    assert clock_s == [0.0, 1.0, 32.0, 33.0, -6.0, -5.0]
    assert [packet.first_sample for packet in packets] == [250 * k for k in range(6)]


def test_it_refuses_packets_the_protocol_does_not_allow():
    with pytest.raises(ValueError, match=r"0\.1 to 30 s"):
        device(packet_s=31)
