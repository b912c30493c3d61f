"""Where every request has a thread of its own, connections go from one to the next."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from telecardio.postgresql import kept
from tests.deployment.test_database_connections import end_backend, pid_of


@pytest.fixture
def wrapper(db: None) -> Iterator[BaseDatabaseWrapper]:
    """Return a wrapper as a thread of web has it, whose connections are shared."""
    shared = _another()
    yield shared
    shared.close()
    kept.close_idle()


def test_it_passes_an_idle_connection_on(wrapper: BaseDatabaseWrapper) -> None:
    wrapper.ensure_connection()
    first = pid_of(wrapper)
    wrapper.close()
    assert wrapper.connection is None

    def in_another_thread() -> int:
        other = _another()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        other.close()
        return pid

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(in_another_thread).result() == first


def test_it_gives_nobody_a_connection_that_is_in_use(
    wrapper: BaseDatabaseWrapper,
) -> None:
    wrapper.ensure_connection()
    other = _another()
    other.ensure_connection()
    assert pid_of(other) != pid_of(wrapper)
    other.close()


def test_it_passes_on_nothing_of_a_transaction_or_an_error(
    wrapper: BaseDatabaseWrapper,
) -> None:
    wrapper.ensure_connection()
    wrapper.set_autocommit(False)
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 1")
    wrapper.close()
    assert kept.take(wrapper.settings_dict["NAME"]) is None
    with pytest.raises(DatabaseError), wrapper.cursor() as cursor:
        cursor.execute("SELECT nonsense")
    wrapper.close()
    assert kept.take(wrapper.settings_dict["NAME"]) is None


def test_it_opens_a_new_one_when_the_server_closed_the_kept(
    wrapper: BaseDatabaseWrapper,
) -> None:
    wrapper.ensure_connection()
    first = pid_of(wrapper)
    held = wrapper.connection
    wrapper.close()
    end_backend(first, held)
    wrapper.ensure_connection()
    assert pid_of(wrapper) != first


def test_it_keeps_no_more_than_some(
    wrapper: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST_IDLE", 1)
    others = [_another(), _another()]
    for other in others:
        other.ensure_connection()
        other.close()
    name = wrapper.settings_dict["NAME"]
    first = kept.take(name)
    assert first is not None
    assert kept.take(name) is None
    first.close()


def test_it_gives_a_child_none_of_its_parents(wrapper: BaseDatabaseWrapper) -> None:
    wrapper.ensure_connection()
    wrapper.close()
    child = os.fork()
    if not child:
        os._exit(kept.take(wrapper.settings_dict["NAME"]) is not None)
    assert os.waitpid(child, 0)[1] == 0


def test_it_closes_none_that_is_not_shared(db: None) -> None:
    own = connection.copy()
    own.ensure_connection()
    held = own.connection
    own.close()
    assert held.closed


def test_it_is_so_in_the_web_and_the_ingest_process() -> None:
    assert _settings_of("telecardio.asgi") == "True 0"
    assert _settings_of("telecardio.ingest") == "True 0"
    assert _settings_of("telecardio.celery") == "False 60"


def _settings_of(application: str) -> str:
    ask = f"import {application}; from django.db import connection; "
    ask += "found = connection.settings_dict; "
    ask += "print(found['SHARE_CONNECTIONS'], found['CONN_MAX_AGE'])"
    asked = [sys.executable, "-c", ask]
    told = subprocess.run(asked, capture_output=True, text=True, check=True)
    return told.stdout.strip()


def _another() -> BaseDatabaseWrapper:
    other = connection.copy()
    other.settings_dict = {**other.settings_dict, "SHARE_CONNECTIONS": True}
    return other
