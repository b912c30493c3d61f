"""Figures that are a question to PostgreSQL: some indexed queries, kept for 5 s."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import Count, F, FloatField, Max, Min, Q
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone
from prometheus_client import Metric
from redis.exceptions import RedisError

from devices.database_away import is_away
from devices.models import Compaction, Record
from devices.redis_pool import redis
from inference.models import Alarm, LifeSign, MailDelivery
from inference.models.life_sign import Part
from inference.services.claims import LIVE_LAG_S, Queue
from inference.services.mails import NOT_SENT

KEEP_S = 5.0
# Records that received something since then; what older ones lack is a backlog that
# ``analyse_backfill`` works off, and no index would find it.
LOOK_BACK = timedelta(hours=24)
LAGGING_S = 10
# A packet may hold 30 s, and 15 s are too long for any analysis.
LATE_S = 45
LIVE_AGE = timedelta(seconds=60)
# So long somebody is told of a mail that the mail server refused for good.
REFUSED = timedelta(hours=1)
QUERY_MS = 2000


@dataclass(frozen=True)
class Figures:
    """What the database says of the platform at one moment."""

    at: datetime
    lag_s: dict[Queue, float]
    lagging: dict[Queue, int]
    # Patients who are recorded now and whose newest signal waits for analysis.
    patients_behind: int
    # (rule, priority) -> how many are open.
    open_alarms: dict[tuple[str, Alarm.Priority], int]
    mails_pending: int
    # Tried at least once, without success.
    mails_retrying: int
    # How long the longest waiting mail is overdue, or an alarm that has none yet.
    mail_overdue_s: float
    # Those whose last try, in the last hour, was the last one.
    mails_refused: int
    # Analysed signal of the record that waits longest to become a segment, of those
    # that received something lately, and how many of these cannot be compacted.
    compaction_lag_s: float
    compaction_failing: int
    signs: dict[Part, datetime] = field(default_factory=dict)


def read_figures(*, now: datetime) -> Figures:
    """Ask the database; ``DatabaseError`` if it is away or takes over 2 s."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {QUERY_MS}")
        lags = _lags(now)
        mails = MailDelivery.objects.filter(state=MailDelivery.State.QUEUED).aggregate(
            count=Count("pk"),
            retrying=Count("pk", filter=Q(tries__gt=0)),
            due_at=Min("next_try_at"),
        )
        counted = Alarm.objects.open().order_by().values_list("rule", "priority")
        alarms = counted.annotate(count=Count("pk"))
        signs = LifeSign.objects.values_list("part", "at")
        # An alarm for which no mail was queued is as late as one that was not sent.
        untold = Alarm.objects.filter(notified_at=None, raised_at__lte=now)
        raised_at = untold.aggregate(first_at=Min("raised_at"))["first_at"]
        overdue = now - min(mails["due_at"] or now, raised_at or now)
        return Figures(
            at=now,
            lag_s={queue: lags[f"{queue}_s"] or 0.0 for queue in Queue},
            lagging={queue: lags[f"{queue}_count"] for queue in Queue},
            patients_behind=_patients_behind(now),
            open_alarms={
                (rule, Alarm.Priority(priority)): n for rule, priority, n in alarms
            },
            mails_pending=mails["count"],
            mails_retrying=mails["retrying"],
            mail_overdue_s=max(0.0, overdue.total_seconds()),
            mails_refused=_refused_mails(now),
            **_compaction(now),
            signs={Part(part): at for part, at in signs},
        )


def _lags(now: datetime) -> dict[str, Any]:
    unseen = F("end_sample") - Coalesce(F("analysis__cursor_sample"), 0)
    live = Q(behind_s__lte=LIVE_LAG_S)
    records = Record.objects.filter(
        source=Record.Source.DEVICE, last_received_at__gt=now - LOOK_BACK
    )
    return records.annotate(
        behind_s=Cast(unseen, FloatField()) / Cast(F("fs"), FloatField())
    ).aggregate(
        live_s=Max("behind_s", filter=live),
        live_count=Count("pk", filter=live & Q(behind_s__gt=LAGGING_S)),
        backfill_s=Max("behind_s", filter=~live),
        backfill_count=Count("pk", filter=~live),
    )


def _refused_mails(now: datetime) -> int:
    refused = MailDelivery.objects.filter(
        state=MailDelivery.State.FAILED, next_try_at__gt=now - REFUSED
    )
    return refused.exclude(smtp_answer=NOT_SENT).count()


def _compaction(now: datetime) -> dict[str, Any]:
    analysed = F("record__analysis__cursor_sample") - F("done_sample")
    found = Compaction.objects.filter(
        record__source=Record.Source.DEVICE,
        record__last_received_at__gt=now - LOOK_BACK,
    ).aggregate(
        lag_s=Max(Cast(analysed, FloatField()) / Cast(F("record__fs"), FloatField())),
        failing=Count("pk", filter=Q(failed_count__gt=0)),
    )
    return {
        "compaction_lag_s": max(0.0, found["lag_s"] or 0.0),
        "compaction_failing": found["failing"],
    }


def _patients_behind(now: datetime) -> int:
    """Count who is recorded now; who only sends a backlog is not missed yet."""
    # Annotated first: in a filter the join would leave out who has no cursor yet.
    behind = Record.objects.annotate(
        cursor=Coalesce(F("analysis__cursor_sample"), 0)
    ).filter(
        source=Record.Source.DEVICE,
        patient__isnull=False,
        last_received_at__gt=now - LIVE_AGE,
        end_sample__gt=F("cursor") + F("fs") * LATE_S,
    )
    found = behind.prefetch_related("anchors")[:500]
    fresh_at = now - LIVE_AGE
    return len({one.patient_id for one in found if one.end_at > fresh_at})


class _Kept:
    """The figures of a moment ago, in this process."""

    figures: Figures | None = None
    # Why they could not be read: whoever asks next would wait as long for it.
    error: DatabaseError | None = None
    until_s = 0.0
    lock = Lock()


def figures() -> Figures:
    """Return figures at most 5 s old: many ask, the database is asked once.

    Who asks while somebody else does gets those of before.
    """
    before = _Kept.figures
    if before is not None and not _Kept.lock.acquire(blocking=False):
        return before
    if before is None:
        _Kept.lock.acquire()
    try:
        if time.monotonic() > _Kept.until_s:
            _read()
        if _Kept.error is not None:
            raise _Kept.error
        assert _Kept.figures is not None
        return _Kept.figures
    finally:
        _Kept.lock.release()


def _read() -> None:
    _Kept.figures = _Kept.error = None
    _Kept.until_s = 0.0
    try:
        _Kept.figures = read_figures(now=timezone.now())
    except DatabaseError as error:
        if is_away(error):
            # It may be back in a moment, and says so at once while it is not.
            raise
        _Kept.error = error
    _Kept.until_s = time.monotonic() + KEEP_S


def forget_figures() -> None:
    """Ask the database next time."""
    with _Kept.lock:
        _Kept.figures = _Kept.error = None
        _Kept.until_s = 0.0


class DatabaseFigures:
    """Collects the figures as gauges, and whether both servers answer."""

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges; of a database that is away only that it is."""
        found: Figures | None = None
        try:
            found = figures()
        except DatabaseError:
            connection.close()
        yield _gauge(
            "server_up",
            "1 if the server answers.",
            [
                ({"server": "postgresql"}, float(found is not None)),
                ({"server": "redis"}, float(_redis_answers())),
            ],
        )
        if found is not None:
            yield from gauges(found)


def gauges(found: Figures) -> Iterator[Metric]:
    """Yield the gauges of the figures."""
    yield _gauge(
        "analysis_lag_seconds",
        "Stored and not yet analysed signal of the record that is furthest behind, "
        f"of those that are watched live and of those over {LIVE_LAG_S} s behind.",
        [({"queue": queue.value}, lag) for queue, lag in found.lag_s.items()],
    )
    yield _gauge(
        "analysis_lagging_records",
        f"Live records over {LAGGING_S} s behind, and records in the backfill queue.",
        [({"queue": queue.value}, float(n)) for queue, n in found.lagging.items()],
    )
    yield _gauge(
        "alarms_open",
        "Open alarms by rule and priority.",
        [
            ({"rule": rule, "priority": priority.name.lower()}, float(n))
            for (rule, priority), n in sorted(found.open_alarms.items())
        ],
    )
    yield _gauge(
        "mails_pending", "Mails that wait.", [({}, float(found.mails_pending))]
    )
    yield _gauge(
        "mails_retrying",
        "Mails that wait after a try that failed.",
        [({}, float(found.mails_retrying))],
    )
    yield _gauge(
        "mail_overdue_seconds",
        "How long the longest waiting mail is overdue, or an alarm that has none yet.",
        [({}, found.mail_overdue_s)],
    )
    yield _gauge(
        "mails_refused",
        "Mails of the last hour that were given up, mostly because they were refused.",
        [({}, float(found.mails_refused))],
    )
    yield _gauge(
        "compaction_lag_seconds",
        "Analysed signal of the record that waits longest to become a segment.",
        [({}, found.compaction_lag_s)],
    )
    yield _gauge(
        "compaction_failing_records",
        "Records that received something in the last day and cannot be compacted.",
        [({}, float(found.compaction_failing))],
    )
    yield _gauge(
        "sign_of_life_age_seconds",
        "Since a part last showed that it works.",
        [
            ({"part": part.value}, max(0.0, (found.at - at).total_seconds()))
            for part, at in sorted(found.signs.items())
        ],
    )


def _gauge(
    name: str, words: str, samples: list[tuple[dict[str, str], float]]
) -> Metric:
    gauge = Metric(f"telecardio_{name}", words, "gauge")
    for labels, value in samples:
        gauge.add_sample(gauge.name, labels, value)
    return gauge


def _redis_answers() -> bool:
    try:
        return bool(redis().client.ping())
    except (RedisError, OSError):
        return False
