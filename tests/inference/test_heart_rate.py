"""The heart rate of hours and days."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from devices.models import Anchor, Assignment
from inference.services.heart_rate import heart_rate_band, rolling_heart_rate_bpm
from tests.pages.recorded import FS, recorded


def test_it_averages_twelve_intervals() -> None:
    rr_ms = np.full(30, 1000, np.float32)
    rr_ms[15] = 500
    rate = rolling_heart_rate_bpm(rr_ms)
    assert np.isnan(rate[:11]).all()
    assert rate[11] == pytest.approx(60)
    assert rate[15] == pytest.approx(60_000 / (11_500 / 12))
    assert rate[29] == pytest.approx(60)


def test_it_starts_anew_after_a_missing_interval() -> None:
    rr_ms = np.full(40, 800, np.float32)
    rr_ms[20] = np.nan
    rate = rolling_heart_rate_bpm(rr_ms)
    assert np.isnan(rate[20:32]).all()
    assert rate[32] == pytest.approx(75)
    assert np.isnan(rolling_heart_rate_bpm(rr_ms[:5])).all()


def test_it_gives_a_step_for_each_stretch_with_beats(assignment: Assignment) -> None:
    now = timezone.now()
    recorded(assignment, end_at=now - timedelta(hours=2), heart_rate_bpm=90)
    band = heart_rate_band(
        assignment.patient, start_at=now - timedelta(hours=24), end_at=now
    )
    assert len(band.spans) in (1, 2)
    for span in band.spans:
        assert span.low_bpm == pytest.approx(90, abs=0.1)
        assert span.mean_bpm == pytest.approx(90, abs=0.1)
        assert span.high_bpm == pytest.approx(90, abs=0.1)
    assert band.highest is not None
    assert band.highest.at < now - timedelta(hours=2)


def test_it_leaves_out_what_lies_before_and_after(assignment: Assignment) -> None:
    now = timezone.now()
    recorded(assignment, end_at=now, seconds=60)
    early = heart_rate_band(
        assignment.patient,
        start_at=now - timedelta(hours=2),
        end_at=now - timedelta(hours=1),
    )
    assert (early.spans, early.lowest, early.highest) == ((), None, None)


def test_it_leaves_out_a_bad_signal(assignment: Assignment) -> None:
    now = timezone.now()
    recorded(assignment, end_at=now, quality=20)
    band = heart_rate_band(
        assignment.patient, start_at=now - timedelta(hours=1), end_at=now
    )
    assert band.spans == ()


def test_it_follows_a_corrected_clock(assignment: Assignment) -> None:
    now = timezone.now()
    record = recorded(assignment, end_at=now - timedelta(hours=3), seconds=60)
    # From the 30th second on, the device's clock was an hour further.
    Anchor.objects.create(
        record=record,
        sample=30 * FS,
        at=record.started_at + timedelta(hours=1, seconds=30),
    )
    band = heart_rate_band(
        assignment.patient, start_at=now - timedelta(hours=24), end_at=now, step_s=3600
    )
    assert len({span.start_at for span in band.spans}) == 2
