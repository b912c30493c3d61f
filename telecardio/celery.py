"""The Celery application and its schedule."""

import gc
import logging
import os
import time
from datetime import UTC, datetime, timedelta

from celery import Celery, Task
from celery.schedules import schedule
from celery.signals import (
    beat_init,
    celeryd_init,
    task_postrun,
    task_prerun,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
)
from django.conf import settings
from django.db import close_old_connections
from kombu.transport.redis import Channel

from devices.log_context import begin_log_context
from inference.asking import queue_of_shard
from telecardio.servers import ensure_servers

log = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telecardio.settings")
# When the connection to Redis breaks, kombu 5.7 tries to put fetched tasks back
# through the same connection, fails with an AttributeError, and the worker ends.
# Tasks need not be put back: the sweeps ask again.
Channel.do_restore = False
app = Celery("telecardio")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


_BEGUN_AT, _BEGUN_S = datetime.now(UTC), time.monotonic()


def steady_now() -> datetime:
    """Return the time by a clock that nobody sets: a sweep is due after its interval.

    Celery's own would wait until a clock that was set back is where it was.
    """
    return _BEGUN_AT + timedelta(seconds=time.monotonic() - _BEGUN_S)


def _every(
    seconds: int, task: str, queue: str, *, expires: int = 0, **given: int
) -> dict[str, object]:
    # An entry that no worker took before the next one is worth nothing: it
    # expires, so that an hour without a worker leaves no burst behind.
    options = {"queue": queue, "expires": expires or seconds}
    due = schedule(seconds, nowfun=steady_now)
    entry = {"task": task, "schedule": due, "options": options}
    return entry | {"kwargs": given}


def _every_shard(seconds: int, task: str) -> dict[str, dict[str, object]]:
    shards = range(settings.LIVE_SHARDS)
    return {
        f"lagging live records {shard}".removesuffix(" 0"): _every(
            seconds, task, queue_of_shard(shard), **({"shard": shard} if shard else {})
        )
        for shard in shards
    }


# Work is asked for when it arises; these sweeps find what was not heard.
app.conf.beat_schedule = {
    **_every_shard(2, "inference.tasks.analyse_live"),
    "backlogs and files": _every(2, "inference.tasks.analyse_backfill", "backfill"),
    "rested signal": _every(20, "inference.tasks.compact", "backfill"),
    "loose segment files": _every(300, "inference.tasks.tidy_segments", "backfill"),
    "history past its time": _every(3600, "inference.tasks.remove_history", "backfill"),
    # A loaded worker may take longer than that to get there.
    "silent devices": _every(
        5, "inference.tasks.watch_silent_patients", "live", expires=30
    ),
    "due mails": _every(5, "inference.tasks.send_mails", "mail"),
    "outside watcher": _every(30, "telecardio.tasks.ping_outside", "mail"),
}


# Only a worker or beat needs the servers at once; importing this module, as
# every process does to publish tasks, must not start them.
@celeryd_init.connect  # type: ignore[untyped-decorator]
@beat_init.connect  # type: ignore[untyped-decorator]
def start_servers(**_: object) -> None:
    """Start the embedded servers before the first task or tick."""
    ensure_servers()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def load_model(**_: object) -> None:
    """Compile and load the analysis before the first packet waits for it."""
    from inference.warm_up import warm_up
    from telecardio.operations.reporting import start_reporting

    warm_up()
    start_reporting()
    # All this stays for good: not to be looked through at each full collection, which
    # was a tenth of the time of a loaded worker.
    gc.collect()
    gc.freeze()


# A worker of one process (the solo pool) says only that it ends as a whole.
@worker_shutdown.connect  # type: ignore[untyped-decorator]
@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def keep_states(**_: object) -> None:
    """Write what the analysis remembers, so that the next process goes on at once."""
    from inference.services.carried import memory

    try:
        memory.persist()
    except Exception as error:
        # Then the last minute of each record is analysed again.
        log.warning("The states of the analysis are not kept: %s", error)


@worker_shutdown.connect  # type: ignore[untyped-decorator]
@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def report_last(**_: object) -> None:
    """Report what was counted: a worker's process ends without running atexit."""
    from telecardio.operations.reporting import reporter

    reporter().report()


@task_prerun.connect  # type: ignore[untyped-decorator]
def look_at_connection(**_: object) -> None:
    """Use the connection of the task before, unless it is old or was lost."""
    close_old_connections()


@task_prerun.connect  # type: ignore[untyped-decorator]
def name_task(task_id: str, task: Task, **_: object) -> None:
    """Let the lines of the log say which task they belong to."""
    begin_log_context(task_id=task_id, task=task.name)


@task_postrun.connect  # type: ignore[untyped-decorator]
def forget_task(**_: object) -> None:
    """Let what follows belong to no task."""
    begin_log_context()
