"""Hours and days of a patient, from stored beats."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.models import Anchor, Record
from inference.models import AnalysisState, BeatBlock, Episode, HourSummary
from inference.services.summaries import forget_hours, hour_edges, hours_of
from patients.models import Patient

FS = 250
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def recorded(
    patient: Patient,
    *,
    start_at: datetime,
    minutes: int,
    bpm: int = 60,
    symbol: int = 0,
    block_s: int = 600,
    analysed_s: int | None = None,
) -> Record:
    """Store beats without a signal: one class, even intervals, in whole blocks."""
    seconds = minutes * 60
    end_at = start_at + timedelta(seconds=seconds)
    record = Record.objects.create(
        source=Record.Source.FILE,
        patient=patient,
        fs=FS,
        leads=["I"],
        gain=1000,
        baseline=0,
        started_at=start_at,
        end_sample=seconds * FS,
        sample_count=seconds * FS,
        last_received_at=end_at,
    )
    Anchor.objects.create(record=record, sample=0, at=start_at)
    step = 60 * FS // bpm
    for first in range(0, analysed_s or seconds, block_s):
        start, end = first * FS, (first + block_s) * FS
        samples = np.arange(-(-(start - 100) // step) * step + 100, end, step)
        rr_ms = np.full(len(samples), 60_000 / bpm, "<f4")
        if not first:
            rr_ms[0] = np.nan
        BeatBlock.objects.create(
            record=record,
            annotator="tc-test",
            start_sample=start,
            end_sample=end,
            first_beat_sample=int(samples[0]),
            last_beat_sample=int(samples[-1]),
            count=len(samples),
            samples=samples.astype("<i8").tobytes(),
            classes=bytes([symbol] * len(samples)),
            probabilities=b"",
            rr_ms=rr_ms.tobytes(),
            quality=bytes([90] * block_s),
            created_at=end_at,
        )
    AnalysisState.objects.create(
        record=record,
        annotator="tc-test",
        cursor_sample=(analysed_s or seconds) * FS,
        flushed_sample=None if analysed_s else seconds * FS,
        state=b"",
        advanced_at=end_at,
    )
    return record


def hours(patient: Patient, *, back: int = 24, now: datetime = NOON):
    span = {"start_at": now - back * HOUR, "end_at": now}
    return hours_of(patient, **span, now=now).each


def test_it_counts_full_hours_of_the_clock(patient: Patient) -> None:
    recorded(patient, start_at=NOON - timedelta(minutes=90), minutes=60)
    found = hours(patient, back=3)
    assert [hour.start_at for hour in found] == [NOON - k * HOUR for k in (3, 2, 1)]
    assert [hour.figures and hour.figures.beat_count for hour in found] == [
        None,
        1800,
        1800,
    ]
    figures = found[1].figures
    assert (figures.heart_rate_min_bpm, figures.heart_rate_max_bpm) == (60, 60)
    assert (figures.usable_s, figures.analysed_s) == (1800, 1800)
    assert (figures.onset_s, figures.rmssd_ms) == ((NOON - 2 * HOUR).timestamp(), 0)


def test_it_adds_up_to_the_same_day(patient: Patient) -> None:
    recorded(patient, start_at=NOON - 5 * HOUR, minutes=90, bpm=100, symbol=2)
    recorded(patient, start_at=NOON - 2 * HOUR, minutes=60, bpm=50)
    found = hours(patient)
    span = {"start_at": NOON - 24 * HOUR, "end_at": NOON}
    day = hours_of(patient, **span, now=NOON).whole.figures
    assert day.beats["V"] == sum(h.figures.beats["V"] for h in found if h.figures)
    assert day.beats["V"] == 9000
    assert (day.heart_rate_min_bpm, day.heart_rate_max_bpm) == (50, 100)
    assert day.usable_s == 150 * 60
    assert day.v_burden == pytest.approx(9000 / 12000)


def test_it_reads_what_is_finished_only_once(patient: Patient) -> None:
    record = recorded(patient, start_at=NOON - 4 * HOUR, minutes=120)
    first = hours(patient)
    assert HourSummary.objects.filter(record=record).count() == 2
    with CaptureQueriesContext(
        connection,
    ) as queries:
        again = hours(patient)
    assert again == first
    assert not any("beatblock" in query["sql"] for query in queries)


def test_it_keeps_no_hour_that_still_grows(patient: Patient) -> None:
    record = recorded(
        patient, start_at=NOON - 2 * HOUR, minutes=120, analysed_s=100 * 60
    )
    assert [h.figures.analysed_s for h in hours(patient, back=2)] == [3600, 2400]
    assert HourSummary.objects.count() == 1
    AnalysisState.objects.update(cursor_sample=62 * 60 * FS)
    HourSummary.objects.all().delete()
    # AF is told in hindsight: an hour is finished some minutes after its end.
    hours(patient, back=2)
    assert not HourSummary.objects.exists()
    AnalysisState.objects.update(cursor_sample=100 * 60 * FS, redo_from_sample=5)
    hours(patient, back=2)
    assert not HourSummary.objects.filter(record=record).exists()


def test_it_forgets_hours_that_late_samples_change(patient: Patient) -> None:
    record = recorded(patient, start_at=NOON - 10 * HOUR, minutes=480)
    hours(patient)
    forget_hours(record, from_sample=5 * 3600 * FS)
    kept = HourSummary.objects.values_list("start_at", flat=True)
    assert list(kept) == [NOON - k * HOUR for k in (10, 9, 8)]


def test_it_counts_again_what_was_analysed_further(patient: Patient) -> None:
    record = recorded(patient, start_at=NOON - 3 * HOUR, minutes=90)
    hours(patient)
    HourSummary.objects.update(upto_sample=17)
    assert hours(patient)[-2].figures.beat_count == 1800
    assert HourSummary.objects.get(record=record, start_at=NOON - 2 * HOUR).upto_sample


def test_it_counts_again_what_another_version_kept(patient: Patient) -> None:
    recorded(patient, start_at=NOON - 3 * HOUR, minutes=60)
    before = hours(patient)
    HourSummary.objects.update(tally={"seconds": 3})
    assert hours(patient) == before


def test_it_takes_the_share_of_af(patient: Patient) -> None:
    record = recorded(patient, start_at=NOON - 2 * HOUR, minutes=120)
    for label, onset_s, end_s in (("AF", 1800, 4500), ("VT", 6000, 6100)):
        Episode.objects.create(
            record=record,
            patient=patient,
            annotator="tc-test",
            label=label,
            onset_sample=onset_s * FS,
            end_sample=end_s * FS,
            onset_at=NOON,
        )
    found = [hour.figures.af_burden for hour in hours(patient, back=2)]
    assert found == [0.5, 0.25]


def test_it_sees_a_run_that_crosses_the_hour_once(patient: Patient) -> None:
    recorded(patient, start_at=NOON - 2 * HOUR, minutes=120, symbol=2)
    first, second = (hour.figures for hour in hours(patient, back=2))
    assert (first.v_runs, second.v_runs) == (1, 0)


def test_it_takes_hours_of_the_patients_own_clock(patient: Patient) -> None:
    kolkata = hour_edges(ZoneInfo("Asia/Kolkata"), NOON, NOON + HOUR)
    assert [edge.minute for edge in kolkata] == [30, 30, 30]
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 29, tzinfo=zone)
    assert len(hour_edges(zone, start, datetime(2026, 3, 30, tzinfo=zone))) == 24
    start = datetime(2026, 10, 25, tzinfo=zone)
    assert len(hour_edges(zone, start, datetime(2026, 10, 26, tzinfo=zone))) == 26


def test_it_has_nothing_to_say_without_records(
    patient: Patient, other_patient: Patient
) -> None:
    recorded(other_patient, start_at=NOON - HOUR, minutes=60)
    assert all(hour.figures is None for hour in hours(patient))


def test_it_follows_a_clock_that_was_corrected(patient: Patient) -> None:
    record = recorded(patient, start_at=NOON - 2 * HOUR, minutes=60)
    Anchor.objects.create(
        record=record, sample=1800 * FS, at=NOON - timedelta(minutes=45)
    )
    found = [h.figures and h.figures.beat_count for h in hours(patient, back=2)]
    assert found == [1800, 1800]
