"""A database of its own for a headless demonstration, dropped afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql


@contextmanager
def own_database() -> Iterator[dict[str, str]]:
    """Create a database, point this process at it, and give its environment.

    The checkout's own data stay untouched, and the figures are of this run only.
    """
    name = f"telecardio_demo_{os.getpid()}"
    parts = urlsplit(settings.DATABASE_URL)
    url = urlunsplit(parts._replace(path=f"/{name}"))
    _administer(sql.SQL("CREATE DATABASE {}"), name)
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield {
            "DATABASE_URL": url,
            "REDIS_URL": settings.REDIS_URL,
            "REDIS_PREFIX": f"{name}:",
        }
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
        _administer(sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)


def _administer(statement: sql.SQL, name: str) -> None:
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as own:
        own.execute(statement.format(sql.Identifier(name)))
