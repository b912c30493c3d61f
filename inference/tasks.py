"""Celery tasks: each may run twice, at any time, in several workers at once."""

import time

from celery import shared_task
from django.utils import timezone

from devices.services import remove_loose_files
from inference.asking import ask, begin
from inference.models.life_sign import Part
from inference.services.analysis import analyse_pending
from inference.services.claims import Queue
from inference.services.compacting import compact_pending
from inference.services.life_signs import show_life
from inference.services.mails import send_due_mails
from inference.services.no_data import watch_silence
from inference.services.notices import queue_mails
from inference.services.retention import remove_old_history

# Then the task ends and asks again, so that no queue holds a worker for long.
LIVE_MOST_S, BACKFILL_MOST_S, COMPACT_MOST_S = 5.0, 5.0, 5.0


@shared_task  # type: ignore[untyped-decorator]
def analyse_live() -> int:
    """Analyse what is watched now."""
    return _analyse(Queue.LIVE, LIVE_MOST_S)


@shared_task  # type: ignore[untyped-decorator]
def analyse_backfill() -> int:
    """Catch up: files, backlogs, and spans that late samples re-opened."""
    return _analyse(Queue.BACKFILL, BACKFILL_MOST_S)


def _analyse(queue: Queue, most_s: float) -> int:
    if queue == Queue.LIVE:
        show_life(Part.ANALYSIS, now=timezone.now())
    begin(queue)
    start = time.monotonic()
    done = analyse_pending(now=timezone.now(), queues=(queue,), most_s=most_s)
    if time.monotonic() - start >= most_s:
        ask(queue)
    return done


@shared_task  # type: ignore[untyped-decorator]
def watch_silent_patients() -> int:
    """Raise and clear the alarms of patients whose device sends nothing."""
    # Only the schedule asks for this task, so it shows that there is one.
    show_life(Part.BEAT, now=timezone.now())
    return watch_silence(now=timezone.now())


@shared_task  # type: ignore[untyped-decorator]
def send_mails() -> int:
    """Queue the mails that alarms call for, and send what is due."""
    show_life(Part.MAIL, now=timezone.now())
    begin("mail")
    queue_mails(now=timezone.now())
    return send_due_mails(now=timezone.now())


@shared_task  # type: ignore[untyped-decorator]
def compact() -> int:
    """Turn what is analysed and has rested into segments and packed beats."""
    return compact_pending(now=timezone.now(), most_s=COMPACT_MOST_S)


@shared_task  # type: ignore[untyped-decorator]
def tidy_segments() -> int:
    """Remove the files of segments that were replaced, or never came to be."""
    return remove_loose_files(now=timezone.now())


@shared_task  # type: ignore[untyped-decorator]
def remove_history() -> int:
    """Remove signal that is older than its patient's is kept."""
    return remove_old_history(now=timezone.now())
