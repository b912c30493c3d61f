"""Bit rot in a stored file: pages show the rest, and say which span is damaged."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY

from devices.models import Record, Segment
from devices.reading import read_signal
from devices.segment_files import segment_store
from devices.segment_reading import kept_segments
from devices.segments import DamagedSegment
from inference.mail_message import alarm_strip
from inference.models import Alarm
from inference.services.analysis import analyse_pending
from patients.models import Patient, User
from telecardio.pages.strips import strip
from tests.files.uploads import stored_recording
from tests.storage.conftest import compact

pytestmark = pytest.mark.django_db
FS = 100
SPAN_S = 300


def stored(alice: User, patient: Patient, *, seconds: int) -> Record:
    """Return a recording of a wave whose signal lies in segments."""
    at_s = np.arange(seconds * FS) / FS
    mv = np.sin(2 * np.pi * at_s) / 2
    record = stored_recording(mv, by=alice, patient=patient, fs=FS)
    rested = timezone.now() + timedelta(days=1)
    assert compact(record, ended=True, now=rested) == -(-seconds // SPAN_S)
    return record


def damage(record: Record, span: int) -> Segment:
    """Flip one bit in the file of a segment."""
    segment = Segment.objects.get(record=record, span_sample=span * SPAN_S * FS)
    path = Path(segment_store().path(segment.key))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    kept_segments.clear()
    return segment


@pytest.fixture(autouse=True)
def no_kept_segments() -> Iterator[None]:
    kept_segments.clear()
    yield
    kept_segments.clear()


@pytest.fixture
def record(alice: User, patient: Patient) -> Record:
    """Return 15 minutes in three segments."""
    return stored(alice, patient, seconds=3 * SPAN_S)


def test_its_page_and_windows_show_the_rest_and_name_the_span(
    record: Record, alice: User, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    segment = damage(record, 1)
    client.force_login(alice)
    assert client.get(f"/records/{record.pk}/").status_code == 200
    url = f"/records/{record.pk}/window/"
    counted = REGISTRY.get_sample_value("telecardio_damaged_reads_total")
    with caplog.at_level(logging.ERROR):
        answer = client.get(url, {"start": 290, "seconds": 20})
    assert answer.status_code == 200
    view = answer.json()
    assert view["damaged"] == [{"start_s": 300, "end_s": 310}]
    [lead] = view["leads"]
    assert None not in lead["mv"][: 10 * FS]
    assert lead["mv"][10 * FS :] == [None] * (10 * FS)
    told = REGISTRY.get_sample_value("telecardio_damaged_reads_total")
    assert told == counted + 1
    [line] = caplog.records
    assert line.levelname == "ERROR"
    assert line.exc_info is None
    assert f"Record {record.pk}, samples 30000 to 60000" in line.getMessage()
    assert segment.key in line.getMessage()

    within = client.get(url, {"start": 400, "seconds": 10}).json()
    assert within["damaged"] == [{"start_s": 400, "end_s": 410}]
    elsewhere = client.get(url, {"start": 700, "seconds": 10}).json()
    assert elsewhere["damaged"] == []
    assert None not in elsewhere["leads"][0]["mv"]


def test_its_outline_leaves_the_span_out_and_names_it(
    record: Record, alice: User, client: Client
) -> None:
    damage(record, 1)
    client.force_login(alice)
    url = f"/records/{record.pk}/window/"
    view = client.get(url, {"start": 0, "seconds": 900}).json()
    assert view["damaged"] == [{"start_s": 300, "end_s": 600}]
    low = np.array(view["leads"][0]["low_mv"], float)
    at_s = view["start_s"] + view["bin_s"] * np.arange(len(low))
    # A bin that holds both has what is left of it.
    inside = (at_s > 300) & (at_s + view["bin_s"] < 600)
    outside = (at_s + view["bin_s"] <= 300) | (at_s >= 600)
    assert np.isnan(low[inside]).all()
    assert not np.isnan(low[outside]).any()


def test_a_missing_file_is_damage_too(
    record: Record, alice: User, client: Client
) -> None:
    segment = Segment.objects.get(record=record, span_sample=0)
    Path(segment_store().path(segment.key)).unlink()
    client.force_login(alice)
    url = f"/records/{record.pk}/window/"
    view = client.get(url, {"start": 0, "seconds": 10}).json()
    assert view["damaged"] == [{"start_s": 0, "end_s": 10}]


def test_who_calculates_hears_of_it_and_verify_names_it(record: Record) -> None:
    segment = damage(record, 1)
    with pytest.raises(DamagedSegment, match=segment.key):
        read_signal(record, 0, record.end_sample)
    with pytest.raises(CommandError, match="DAMAGED: 1 of 1 records"):
        call_command("verify", "--no-progress", stdout=StringIO(), stderr=StringIO())


def test_a_short_recording_has_no_rhythm_instead_of_no_page(
    alice: User, patient: Patient, client: Client
) -> None:
    record = stored(alice, patient, seconds=60)
    analyse_pending(now=timezone.now())
    damage(record, 0)
    client.force_login(alice)
    page = client.get(f"/records/{record.pk}/")
    assert page.status_code == 200
    assert "a part of the recording cannot be read from storage" in page.text


def test_strips_and_mails_go_out_with_a_gap(record: Record, patient: Patient) -> None:
    damage(record, 1)
    end = 305 * FS
    drawn = strip(record, end_sample=end, title="Latest", lead=0)
    assert drawn is not None
    assert (drawn.is_damaged, len(drawn.holes)) == (True, 1)
    alarm = Alarm(
        patient=patient, record=record, rule="VT", onset_sample=300 * FS, priority=3
    )
    picture = alarm_strip(alarm)
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
