"""A kept connection is looked at, not asked, before it is used again."""

import select
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper


@pytest.fixture
def kept(db: None) -> Iterator[BaseDatabaseWrapper]:
    """Return a connection of its own, as a request leaves it to the next one."""
    kept = connection.copy()
    kept.ensure_connection()
    _begin_request(kept)
    yield kept
    kept.close()


def test_it_uses_a_kept_connection_without_asking(kept: BaseDatabaseWrapper) -> None:
    before = _last_query_at(kept)
    assert kept.is_usable()
    assert _last_query_at(kept) == before


def test_it_replaces_a_connection_that_the_server_closed(
    kept: BaseDatabaseWrapper,
) -> None:
    first = pid_of(kept)
    end_backend(first, kept.connection)
    assert not kept.is_usable()
    _begin_request(kept)
    with kept.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert pid_of(kept) != first


def test_it_asks_when_the_server_has_said_something(kept: BaseDatabaseWrapper) -> None:
    with kept.cursor() as cursor:
        cursor.execute("LISTEN news")
    with psycopg.connect(_address(kept), autocommit=True) as other:
        other.execute("NOTIFY news")
    _wait_for_word(kept.connection)
    before = _last_query_at(kept)
    assert kept.is_usable()
    assert _last_query_at(kept) != before


def test_it_asks_after_an_error(kept: BaseDatabaseWrapper) -> None:
    kept.errors_occurred = True
    before = _last_query_at(kept)
    assert kept.is_usable()
    assert _last_query_at(kept) != before


def test_it_knows_a_connection_that_was_closed_here(kept: BaseDatabaseWrapper) -> None:
    kept.connection.close()
    assert not kept.is_usable()
    kept.close()
    assert not kept.is_usable()


def _begin_request(kept: BaseDatabaseWrapper) -> None:
    kept.close_if_unusable_or_obsolete()


def pid_of(kept: BaseDatabaseWrapper) -> int:
    """Return the server's process behind a connection."""
    return kept.connection.info.backend_pid


def _address(kept: BaseDatabaseWrapper) -> str:
    info = kept.connection.info
    return psycopg.conninfo.make_conninfo(info.dsn, password=info.password)


def _last_query_at(kept: BaseDatabaseWrapper) -> object:
    with psycopg.connect(_address(kept)) as other:
        return other.execute(
            "SELECT query_start FROM pg_stat_activity WHERE pid = %s", [pid_of(kept)]
        ).fetchone()


def end_backend(pid: int, held: psycopg.Connection) -> None:
    """End the server's process behind ``held`` and wait until that shows."""
    info = connection.cursor().connection.info
    address = psycopg.conninfo.make_conninfo(info.dsn, password=info.password)
    with psycopg.connect(address) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    _wait_for_word(held)


def _wait_for_word(held: psycopg.Connection) -> None:
    assert select.select([held.pgconn.socket], [], [], 10)[0]
