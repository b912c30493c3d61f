"""Is this process able to serve? Each part is asked with a short timeout."""

import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswer
from dataclasses import dataclass
from functools import cache

import psycopg
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from inference.classifier import ArtifactRefused
from inference.nets import nets

logger = logging.getLogger(__name__)

TIMEOUT_S = 2.0
# Four parts, each asked by a few callers at once; one that hangs stops no other.
_THREADS = 16


class NotReady(ValueError):
    """A part does not serve; says what to do about it."""


@dataclass(frozen=True)
class Answer:
    """What one part said: ready if ``todo`` is empty."""

    part: str
    todo: str = ""


def ask_parts(names: Collection[str] = ()) -> list[Answer]:
    """Ask every part, or those named, at the same time; at most TIMEOUT_S in all."""
    asked = {
        name: _pool().submit(check)
        for name, check in PARTS.items()
        if not names or name in names
    }
    deadline_s = time.monotonic() + TIMEOUT_S
    return [
        Answer(name, _todo(name, future, deadline_s)) for name, future in asked.items()
    ]


def _todo(name: str, future: "Future[None]", deadline_s: float) -> str:
    try:
        future.result(timeout=max(0.0, deadline_s - time.monotonic()))
    except NotReady as error:
        return str(error)
    except NoAnswer:
        return f"It did not answer within {TIMEOUT_S:g} s. {_ADVICE[name]}"
    except Exception as error:
        # What it was may name hosts and accounts: for the log, not for the asker.
        logger.warning("%s is not ready: %s", name, error)
        return _ADVICE[name]
    return ""


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="readiness")


def _postgresql() -> None:
    with _connected() as own:
        own.execute("SELECT 1")


def _migrations() -> None:
    with _connected() as own:
        exists = own.execute("SELECT to_regclass('django_migrations')").fetchone()
        rows = (
            own.execute("SELECT app, name FROM django_migrations").fetchall()
            if (exists and exists[0])
            else []
        )
    missing = len(_known_migrations() - {(app, name) for app, name in rows})
    if missing:
        raise NotReady(
            f"{missing} migrations are not applied. Run: python manage.py migrate"
        )


def _redis() -> None:
    client: Redis = Redis.from_url(
        settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1
    )
    try:
        client.ping()
    except AuthenticationError as error:
        raise NotReady("Redis refuses the password of REDIS_URL.") from error
    except RedisError as error:
        logger.warning("redis is not ready: %s", error)
        raise NotReady(_ADVICE["redis"]) from error
    finally:
        client.close()


def _models() -> None:
    try:
        nets()
    except ArtifactRefused as error:
        logger.warning("models are not ready: %s", error)
        raise NotReady(_ADVICE["models"]) from error


def _connected() -> "psycopg.Connection[tuple[object, ...]]":
    # A connection of its own: that of the request may be the one that hangs.
    params = connection.get_connection_params()
    known = {"connect_timeout": 2, "options": "-c statement_timeout=1500"}
    for name in ("cursor_factory", "context"):
        params.pop(name, None)
    return psycopg.connect(**params | known)


@cache
def _known_migrations() -> set[tuple[str, str]]:
    """Return (app, name) of every migration of the code, read from it once."""
    return set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


PARTS: dict[str, Callable[[], None]] = {
    "postgresql": _postgresql,
    "migrations": _migrations,
    "redis": _redis,
    "models": _models,
}
_ADVICE = {
    "postgresql": "Is PostgreSQL running, and DATABASE_URL right? Nothing is stored "
    "or acknowledged meanwhile.",
    "migrations": "Is PostgreSQL running? Then run: python manage.py migrate",
    "redis": "Is Redis running, and REDIS_URL right? Uploads are stored meanwhile; "
    "live traces and analysis are slower or wait.",
    "models": "The artifacts of the analysis cannot be loaded: install them anew, or "
    "run: make train",
}
