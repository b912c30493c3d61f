"""The heart rate of a day as shapes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from inference.services.heart_rate import HeartRateBand, HeartRateSpan
from telecardio.pages.chart import HEIGHT, WIDTH, HeartRateChart, heart_rate_chart

END = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
START = END - timedelta(hours=24)


def _chart(*minutes: int, zone: str = "UTC") -> HeartRateChart | None:
    spans = tuple(
        HeartRateSpan(START + timedelta(minutes=minute), 60, 70, 95)
        for minute in minutes
    )
    band = HeartRateBand(300, spans, None, None)
    return heart_rate_chart(band, start_at=START, end_at=END, zone=ZoneInfo(zone))


def test_it_draws_nothing_from_nothing() -> None:
    assert _chart() is None


def test_it_parts_runs_and_hatches_the_holes() -> None:
    chart = _chart(0, 5, 10, 720)
    assert chart is not None
    assert len(chart.bands) == len(chart.lines) == 2
    holes = [(round(gap.left, 1), round(gap.width, 1)) for gap in chart.gaps]
    assert holes == [(1.0, 49.0), (50.3, 49.7)]


def test_it_stays_inside_the_paper() -> None:
    chart = _chart(0, 1435)
    assert chart is not None
    for points in chart.bands:
        for point in points.split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT
    assert (chart.low_bpm, chart.mean_bpm, chart.high_bpm) == (60, 70, 95)


def test_it_labels_the_hours_of_the_patients_clock() -> None:
    kolkata = _chart(0, zone="Asia/Kolkata")
    assert kolkata is not None
    assert [tick.label for tick in kolkata.hours][:3] == ["18:00", "21:00", "00:00"]
    # 30 minutes after 12:00 UTC it is 18:00 in Kolkata.
    assert round(kolkata.hours[0].percent, 2) == round(100 / 48, 2)


def test_it_labels_a_day_of_23_hours_of_clock() -> None:
    berlin = _chart(0, zone="Europe/Berlin")
    assert berlin is not None
    labels = [tick.label for tick in berlin.hours]
    # The clock jumps from 02:00 to 03:00, an hour of time later than 00:00 plus 2.
    assert labels == [
        "15:00",
        "18:00",
        "21:00",
        "00:00",
        "03:00",
        "06:00",
        "09:00",
        "12:00",
    ]
    at = {tick.label: tick.percent for tick in berlin.hours}
    assert round((at["03:00"] - at["00:00"]) * 24 / 100, 1) == 2.0
