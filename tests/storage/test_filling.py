"""``simulate --fill``: a history that is as if its packets had come one by one."""

import json
from datetime import timedelta
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from devices.codec import Packet
from devices.models import Chunk, Record, Segment
from devices.reading import read_adu, stored_ranges
from devices.services import store_packets
from devices.simulator.scripts import script_source
from inference.models import AnalysisState, BeatBlock
from inference.services.analysis import analyse_pending
from inference.services.compacting import compact_pending
from tests.storage.conftest import told

pytestmark = pytest.mark.django_db


def test_it_fills_a_history_that_reads_and_answers_as_if_it_was_uploaded() -> None:
    out = StringIO()
    call_command("simulate", "--fill", "21min", "--packet-s", "7", "--json", stdout=out)
    record = Record.objects.get()
    [said] = json.loads(out.getvalue())["records"]
    assert said["samples"] == record.sample_count == record.end_sample == 21 * 60 * 250
    assert not Chunk.objects.exists()
    assert Segment.objects.count() == 5
    adu, stored = read_adu(record, 0, record.end_sample)
    assert stored.all()
    source = script_source("sinus", fs=250)
    assert np.array_equal(adu, source.read(0, record.end_sample))
    assert stored_ranges(record) == [(0, record.end_sample)]
    packets = told(record)
    assert [one["seq"] for one in packets] == list(range(180))
    assert record.next_seq == 180
    assert timezone.now() - record.end_at < timedelta(minutes=1)


def test_it_leaves_the_analysis_to_the_workers() -> None:
    # Long enough, whichever turn the record has.
    call_command("simulate", "--fill", "21min", "--no-progress", stdout=StringIO())
    now = timezone.now()
    # The last two minutes are in the queue of what is watched.
    analyse_pending(now=now)
    analyse_pending(now=now)
    state = AnalysisState.objects.get()
    assert state.cursor_sample == 21 * 60 * 250
    compact_pending(now=now)
    packed = BeatBlock.objects.exclude(packed=None)
    assert [one.end_sample for one in packed] == [75_000, 150_000, 225_000, 300_000]


def test_it_answers_a_repeated_packet_of_the_first_day() -> None:
    call_command("simulate", "--fill", "6min", "--no-progress", stdout=StringIO())
    record = Record.objects.get()
    source = script_source("sinus", fs=250)
    one = Packet(
        record.stream,
        3,
        750,
        250,
        tuple(record.leads),
        record.gain,
        record.baseline,
        source.read(750, 250).ravel(),
        at=record.time_of(750),
    )
    done = store_packets(
        device=record.device, packets=[one], received_at=timezone.now()
    )
    assert [verdict.result.value for verdict in done.verdicts] == ["duplicate"]


@pytest.mark.parametrize("length", ["0d", "30", "d", "-3d", "1.2.3h"])
def test_it_wants_a_length_of_time(length: str) -> None:
    with pytest.raises(CommandError, match="length of time"):
        call_command("simulate", f"--fill={length}")
