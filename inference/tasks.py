"""Celery tasks: each may run twice, at any time, in several workers at once.

``asked``: not by a sweep. What is stored once it has begun must ask anew.
"""

import time

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from devices.services import remove_loose_files
from inference.asking import ask, begin, queue_of_shard
from inference.models.life_sign import Part
from inference.services.analysis import analyse_pending
from inference.services.claims import Queue
from inference.services.compacting import compact_pending
from inference.services.life_signs import show_life
from inference.services.mails import SENDING_S, send_due_mails
from inference.services.no_data import watch_silence
from inference.services.notices import queue_mails
from inference.services.retention import remove_old_history

# Then the task ends and asks again, so that no queue holds a worker for long.
LIVE_MOST_S, BACKFILL_MOST_S, COMPACT_MOST_S = 5.0, 5.0, 5.0
TIDY_MOST_S = 10.0
# Live records are looked for no sooner than this after the last time: many packets
# together cost a fraction of each alone. Who comes after a quiet moment waits for
# nothing.
LIVE_EVERY_S = 0.5


@shared_task  # type: ignore[untyped-decorator]
def analyse_live(shard: int = 0, *, asked: bool = False) -> int:
    """Analyse what is watched now, of one shard of the records."""
    show_life(Part.ANALYSIS, now=timezone.now())
    _Paced.wait()
    if asked:
        begin(queue_of_shard(shard))
    return _analyse(Queue.LIVE, queue_of_shard(shard), shard=shard, most_s=LIVE_MOST_S)


@shared_task  # type: ignore[untyped-decorator]
def analyse_backfill(*, asked: bool = False) -> int:
    """Catch up: files, backlogs, and spans that late samples re-opened."""
    show_life(Part.BACKFILL, now=timezone.now())
    if asked:
        begin(Queue.BACKFILL)
    return _analyse(Queue.BACKFILL, Queue.BACKFILL, most_s=BACKFILL_MOST_S)


def _analyse(queue: Queue, name: str, *, shard: int = 0, most_s: float) -> int:
    start_s = time.monotonic()
    done = analyse_pending(
        now=timezone.now(),
        queues=(queue,),
        shard=shard,
        of=settings.LIVE_SHARDS,
        most_s=most_s,
    )
    if time.monotonic() - start_s >= most_s:
        ask(name)
    return done


class _Paced:
    """When this process last began to look for live records."""

    began_s = float("-inf")

    @classmethod
    def wait(cls) -> None:
        """Wait until enough time has passed since it last began, and begin."""
        time.sleep(max(0.0, cls.began_s + LIVE_EVERY_S - time.monotonic()))
        cls.began_s = time.monotonic()


@shared_task  # type: ignore[untyped-decorator]
def watch_silent_patients() -> int:
    """Raise and clear the alarms of patients whose device sends nothing."""
    # Only the schedule asks for this task, so it shows that there is one.
    show_life(Part.BEAT, now=timezone.now())
    return watch_silence(now=timezone.now())


@shared_task  # type: ignore[untyped-decorator]
def send_mails(*, asked: bool = False) -> int:
    """Queue the mails that alarms call for, and send what is due."""
    show_life(Part.MAIL, now=timezone.now())
    if asked:
        begin("mail")
    queue_mails(now=timezone.now())
    start_s = time.monotonic()
    sent = send_due_mails(now=timezone.now())
    if time.monotonic() - start_s >= SENDING_S:
        ask("mail")
    return sent


@shared_task  # type: ignore[untyped-decorator]
def compact(*, asked: bool = False) -> int:
    """Turn what is analysed and has rested into segments and packed beats."""
    if asked:
        begin("compact")
    start_s = time.monotonic()
    done = compact_pending(now=timezone.now(), most_s=COMPACT_MOST_S)
    if time.monotonic() - start_s >= COMPACT_MOST_S:
        ask("compact")
    return done


@shared_task  # type: ignore[untyped-decorator]
def tidy_segments() -> int:
    """Remove the files of segments that were replaced, or never came to be."""
    return remove_loose_files(now=timezone.now(), most_s=TIDY_MOST_S)


@shared_task  # type: ignore[untyped-decorator]
def remove_history(*, asked: bool = False) -> int:
    """Remove signal that is older than its patient's is kept."""
    if asked:
        begin("history")
    start_s = time.monotonic()
    removed = remove_old_history(now=timezone.now(), most_s=TIDY_MOST_S)
    if removed and time.monotonic() - start_s >= TIDY_MOST_S:
        ask("history")
    return removed
