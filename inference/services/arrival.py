"""When signal came, told by the device's own clock where that lies behind ours."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F, Max

from devices.models import Chunk, Record
from inference.alarm_rules import LATE_AFTER, is_late

# The pace of a stream is judged over so much signal; fewer seconds say nothing.
_PACE_S, _LEAST_PACE_S = 60, 20
_STUTTER = timedelta(seconds=5)
_MOST_DELAYED = 0.2


def arrived_at(
    record: Record, onset: int, until: int, *, last_at: datetime
) -> datetime | None:
    """Return when all of the samples in ``[onset, until)`` were here, or the last.

    ``last_at``, the time of the last one, is by the device's clock: if that would make
    history of signal that was sent when it was measured, the arrival is told by the
    device's clock, too.
    """
    margin = int(LATE_AFTER.total_seconds()) * record.fs
    start = max(onset, until - margin)
    chunks = Chunk.objects.filter(
        record=record,
        first_sample__gt=start - margin,
        first_sample__gte=start + 1 - F("n"),
        first_sample__lt=until,
    )
    came_at: datetime | None = chunks.aggregate(at=Max("received_at"))["at"]
    if came_at is not None and is_late(last_at, now=came_at):
        came_at -= clock_behind(record, until)
    return came_at


def clock_behind(record: Record, until: int) -> timedelta:
    """Return how far a device's clock lies behind ours, judged at sample ``until``.

    0 where that cannot be told from signal that waited: only what comes at the pace
    of time is sent when it is measured. A delay of the network counts as the clock's.
    """
    rows = Chunk.objects.filter(
        record=record,
        n__gt=0,
        first_sample__gte=until - _PACE_S * record.fs,
        first_sample__lt=until,
    ).order_by("first_sample")
    came = rows.values_list("first_sample", "n", "received_at")
    lags = [at - record.time_of(first + n) for first, n, at in came]
    signal_s = sum(n for _, n, _ in came) / record.fs
    if signal_s < _LEAST_PACE_S or not _keep_pace(lags):
        return timedelta(0)
    return max(min(lags), timedelta(0))


def _keep_pace(lags: Sequence[timedelta]) -> bool:
    """Tell whether packets that came so late are sent when they are measured.

    A backlog comes faster than it was recorded: each packet is less late than the one
    before. What a stutter of the network held up for a moment is not counted.
    """
    least = min(lags)
    delayed = sum(lag - least > _STUTTER for lag in lags)
    return delayed <= len(lags) * _MOST_DELAYED
