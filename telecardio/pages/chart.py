"""The heart rate of a day as shapes, in percent of the drawing."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from inference.services.heart_rate import HeartRateBand, HeartRateSpan

WIDTH, HEIGHT = 1440, 300
TICK_HOURS = 3
GRID_BPM = 20


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    percent: float
    label: str


@dataclass(frozen=True)
class Gap:
    """A stretch without a heart rate."""

    left: float
    width: float


@dataclass(frozen=True)
class HeartRateChart:
    """What the template draws."""

    bands: tuple[str, ...]
    lines: tuple[str, ...]
    gaps: tuple[Gap, ...]
    hours: tuple[Tick, ...]
    rates: tuple[Tick, ...]
    low_bpm: int
    mean_bpm: int
    high_bpm: int
    width: int = WIDTH
    height: int = HEIGHT


def heart_rate_chart(
    band: HeartRateBand, *, start_at: datetime, end_at: datetime, zone: ZoneInfo
) -> HeartRateChart | None:
    """Draw a band; None if there is no heart rate in it."""
    if not band.spans:
        return None
    lowest = min(span.low_bpm for span in band.spans)
    highest = max(span.high_bpm for span in band.spans)
    bottom = math.floor((lowest - 5) / GRID_BPM) * GRID_BPM
    top = math.ceil((highest + 5) / GRID_BPM) * GRID_BPM
    total_s = (end_at - start_at).total_seconds()

    def x(at: datetime) -> float:
        seconds = (at - start_at).total_seconds()
        return round(WIDTH * min(max(seconds / total_s, 0), 1), 1)

    def y(bpm: float) -> float:
        return round(HEIGHT * (top - bpm) / (top - bottom), 1)

    step = timedelta(seconds=band.step_s)
    runs = list(_runs(band.spans, step))
    bands, lines = [], []
    for run in runs:
        # Through the middle of each step, and level to the ends of the run, so that
        # a single step is seen too.
        places = [x(span.start_at + step / 2) for span in run]
        places = [x(run[0].start_at), *places, x(run[-1].start_at + step)]
        values = [run[0], *run, run[-1]]
        points = list(zip(places, values, strict=True))
        over = [f"{at},{y(span.high_bpm)}" for at, span in points]
        under = [f"{at},{y(span.low_bpm)}" for at, span in points]
        bands.append(" ".join([*over, *reversed(under)]))
        lines.append(" ".join(f"{at},{y(span.mean_bpm)}" for at, span in points))
    covered = [(run[0].start_at, run[-1].start_at + step) for run in runs]
    means = [span.mean_bpm for span in band.spans]
    return HeartRateChart(
        bands=tuple(bands),
        lines=tuple(lines),
        gaps=tuple(_gaps(covered, start_at, end_at)),
        hours=tuple(_hours(start_at, end_at, zone)),
        rates=tuple(
            Tick(round(100 * y(bpm) / HEIGHT, 2), str(bpm))
            for bpm in range(bottom, top + 1, GRID_BPM)
        ),
        low_bpm=round(lowest),
        mean_bpm=round(sum(means) / len(means)),
        high_bpm=round(highest),
    )


def _runs(
    spans: tuple[HeartRateSpan, ...], step: timedelta
) -> Iterator[list[HeartRateSpan]]:
    """Group spans that follow each other without a hole."""
    run = [spans[0]]
    for before, span in pairwise(spans):
        if span.start_at - before.start_at > step:
            yield run
            run = []
        run.append(span)
    yield run


def _gaps(
    covered: list[tuple[datetime, datetime]], start_at: datetime, end_at: datetime
) -> Iterator[Gap]:
    total = end_at - start_at
    edges = [(start_at, start_at), *covered, (end_at, end_at)]
    for (_, gap_start), (gap_end, _) in pairwise(edges):
        if gap_end > gap_start:
            yield Gap(
                round(100 * ((gap_start - start_at) / total), 3),
                round(100 * ((gap_end - gap_start) / total), 3),
            )


def _hours(start_at: datetime, end_at: datetime, zone: ZoneInfo) -> Iterator[Tick]:
    """Label full hours of the patient's own clock; a quarter hour finds every zone."""
    quarter = timedelta(minutes=15)
    past = timedelta(minutes=start_at.minute % 15, seconds=start_at.second)
    at = start_at - past - timedelta(microseconds=start_at.microsecond) + quarter
    while at < end_at:
        local = at.astimezone(zone)
        if local.minute == 0 and local.hour % TICK_HOURS == 0:
            percent = 100 * ((at - start_at) / (end_at - start_at))
            yield Tick(round(percent, 2), f"{local:%H:%M}")
        at += quarter
