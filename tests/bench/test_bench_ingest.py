"""The benchmark of the ingest server measures what it says."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from bench.ingest.bare_row import INSERT, row_of
from bench.ingest.http_load import Outcome, message_bytes, send_all
from bench.ingest.http_servers import fixed_answer
from bench.ingest.measure import Bench, Case, against, faults, figures
from bench.ingest.own_servers import OwnServers
from bench.ingest.uploads import Sender, Uploads, senders_of, uploads
from devices.models import Chunk, Device, Record
from devices.simulator.body_format import BINARY, JSON, BodyFormat
from telecardio.durability import DurabilityError, durability_settings

CHECKOUT = Path(__file__).resolve().parents[2]
REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"


@pytest.mark.slow
def test_it_measures_the_server_and_its_floors_on_servers_of_its_own() -> None:
    words = ["--json", "--seconds", "1", "--devices", "16", "--connections", "16"]
    words += ["--threads", "4"]
    run = subprocess.run(
        [sys.executable, "-m", "bench.ingest", *words],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["lost"] == 0
    assert set(found["durability"].values()) == {"on"}
    assert found["generator_ceiling_requests_per_s"] > 0
    singles = ("json_single", "binary_single")
    batches = ("json_batch_of_20", "binary_batch_of_20")
    for name in ("bare_floor", "bare_drf", *singles, *batches):
        each = found[name]
        assert each["packets"] > 0, name
        assert each["lost"] == each["refused"] == 0, name
        assert set(each["cpu_s"]) == {"ingest", "postgres", "redis", "generator"}
    assert all(found[name]["packets"] % 20 == 0 for name in batches)
    assert all(found[name]["ratio_to_bare_drf"] > 0 for name in singles)
    assert found["faults"] == []
    for name in ("bare_floor", "bare_drf"):
        assert found[name]["threads_per_process"] == 4


def test_it_sends_every_request_once_and_tells_what_was_acked() -> None:
    warm = []
    with fixed_answer() as server:
        outcome = send_all(
            server.port,
            [[REQUEST] * 5, [REQUEST] * 3],
            packets=1,
            warm_up=1,
            seconds=60,
            when_warm=lambda: warm.append(True),
        )
    assert warm == [True]
    assert outcome.acked == [[0, 1, 2, 3, 4], [0, 1, 2]]
    assert outcome.requests == len(outcome.ack_ms) == 6
    assert outcome.refused == 0


def test_it_counts_an_answer_that_does_not_store_all_as_refused() -> None:
    with fixed_answer() as server:
        outcome = send_all(
            server.port, [[REQUEST] * 2], packets=2, warm_up=1, seconds=60
        )
    assert outcome.acked == [[]]
    assert outcome.refused == 2
    assert outcome.requests == 1
    assert outcome.ack_ms == []
    assert "200 OK" in outcome.first_refusal


def test_it_sends_nothing_more_when_the_time_is_over() -> None:
    with fixed_answer() as server:
        outcome = send_all(
            server.port, [[REQUEST] * 9], packets=1, warm_up=2, seconds=0
        )
    assert outcome.acked == [[0, 1, 2]]


def test_it_takes_the_number_of_threads_that_serves_best(tmp_path: Path) -> None:
    ran = []

    class Known(Bench):
        def run(self, cases: Sequence[Case]) -> dict[str, dict[str, Any]]:
            ran.append((cases[0].threads, self.seconds))
            rate = {4: 700.0, 8: 900.0, 16: 800.0}[cases[0].threads]
            return {case.name: {"packets_per_s": rate} for case in cases}

    bench = Known(OwnServers(tmp_path, {}), [], 16, 2.0, 10.0)
    found = bench.run_at_best(Case("bare", "bare:application"), [4, 8, 16])
    assert ran == [(4, 3.0), (8, 3.0), (16, 3.0), (8, 10.0)]
    assert found == {
        "packets_per_s": 900.0,
        "threads_per_process": 8,
        "packets_per_s_by_threads": {4: 700.0, 8: 900.0, 16: 800.0},
    }


def test_it_counts_only_what_was_stored() -> None:
    # One refusal fell in the warm-up, the other in the timed part.
    outcome = Outcome([[0, 1]], requests=3, refused=2, ack_ms=[5.0, 7.0], wall_s=2.0)
    found = figures(outcome, 20, {"ingest": 0.5, "postgres": 0.3})
    assert (found["packets"], found["packets_per_s"]) == (40, 20.0)
    assert found["refused"] == 2
    assert found["ack_ms"]["p50"] == 6.0
    assert found["cpu_ms_per_packet"] == 20.0


def test_it_finds_fault_with_a_case_that_did_not_store_all() -> None:
    good = {"packets": 5, "refused": 0, "lost": 0}
    assert faults({"one": good}) == []
    told = faults({"one": {**good, "refused": 3}, "two": {**good, "packets": 0}})
    assert told == ["one: 3 requests were refused", "two: nothing was stored"]
    assert faults({"one": {**good, "lost": 1}}) == [
        "one: 1 acked packets are not stored"
    ]


def test_it_compares_with_the_bare_view() -> None:
    bare = {"packets": 9, "packets_per_s": 800.0, "cpu_ms_per_packet": 2.0}
    ours = {"packets": 9, "packets_per_s": 1000.0, "cpu_ms_per_packet": 1.6}
    ratio = {"ratio_to_bare_drf": 1.25, "cpu_ratio_to_bare_drf": 1.25}
    assert against(bare, ours) == ratio
    nothing = {"packets": 0, "packets_per_s": 0.0, "cpu_ms_per_packet": None}
    assert against(nothing, ours) == dict.fromkeys(ratio)


def test_it_finds_where_a_message_ends() -> None:
    assert message_bytes(REQUEST[:20]) == 0
    assert message_bytes(REQUEST) == message_bytes(REQUEST + b"next") == len(REQUEST)


def test_it_tells_what_is_lost(sender: Sender) -> None:
    prepared = _prepared(sender, None)
    assert prepared.lost([[0, 1, 2]]) == 3
    assert prepared.lost([[]]) == 0
    record = Record.objects.get().pk
    with connection.cursor() as cursor:
        for _, packets in prepared.stored[0]:
            for seq, data in packets.items():
                cursor.execute(INSERT, row_of(record, seq, data))
    assert prepared.lost([[0, 1, 2]]) == 0
    Chunk.objects.filter(seq=1).update(data=b"other")
    assert prepared.lost([[0, 1, 2]]) == 1
    assert prepared.lost([[0, 2]]) == 0


@pytest.mark.parametrize("body_format", [JSON, BINARY])
def test_it_prepares_whole_requests(sender: Sender, body_format: BodyFormat) -> None:
    prepared = _prepared(sender, body_format, batch=2)
    assert [len(queue) for queue in prepared.queues] == [3]
    for request in prepared.queues[0]:
        assert message_bytes(request) == len(request)
        assert sender.token.encode() in request
    seqs = [list(packets) for _, packets in prepared.stored[0]]
    assert seqs == [[0, 1], [2, 3], [4, 5]]


def test_it_knows_a_server_that_may_lose_commits(db: None) -> None:
    assert set(durability_settings().values()) == {"on"}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    with pytest.raises(DurabilityError, match="synchronous_commit.*off"):
        durability_settings()


@pytest.fixture
def sender(device: Device, token: str) -> Sender:
    """Return a device with a signal to send."""
    adu = np.arange(5000, dtype=np.int16)[:, None]
    return senders_of([(device.serial, token)], adu, 1000.0)[0]


def _prepared(sender: Sender, form: BodyFormat | None, batch: int = 1) -> Uploads:
    return uploads(
        [sender],
        body_format=form,
        batch=batch,
        batches=3,
        packet_s=2.0,
        start_at=timezone.now(),
        connections=1,
    )
