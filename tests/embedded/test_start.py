"""The servers start by themselves and do their work."""

import time

import pytest

from telecardio import embedded


def test_it_starts_postgresql_18(running, connect):
    with connect(running) as connection:
        version = connection.execute("SHOW server_version_num").fetchone()[0]
    assert version.startswith("18")


def test_it_starts_redis(running, redis_of):
    redis_of(running).set("heart", "beats")
    assert redis_of(running).get("heart") == b"beats"


def test_it_keeps_every_committed_write(running, connect, redis_of):
    with connect(running) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",), name
    assert redis_of(running).config_get("append*")["appendonly"] == "yes"


def test_it_lets_the_role_create_databases_and_no_more(running, connect):
    with connect(running) as connection:
        rights = connection.execute(
            "SELECT rolcreatedb, rolsuper, rolcreaterole FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone()
    assert rights == (True, False, False)


def test_it_sorts_and_folds_text_as_utf_8(running, connect):
    with connect(running) as connection:
        row = connection.execute("SELECT lower('ÅSA ÉVA'), length('ЭКГ')").fetchone()
    assert row == ("åsa éva", 3)


def test_it_is_quick_when_the_servers_run(running):
    began = time.perf_counter()
    embedded.ensure(var=running)
    assert time.perf_counter() - began < 0.05


def test_it_starts_one_supervisor_for_many_who_ask_at_once(var, owner):
    asking = [owner(var) for _ in range(3)]
    found = {process.stdout.readline() for process in asking}
    assert len(found) == 1
    assert "" not in found


def test_it_says_what_to_do_about_data_of_another_version(var):
    embedded.addresses(var)
    (var / "postgres").mkdir(mode=0o700)
    (var / "postgres" / "PG_VERSION").write_text("14\n")
    with pytest.raises(embedded.EmbeddedError, match="Dump it with the old version"):
        embedded.ensure(var=var)


def test_it_says_what_to_do_about_lost_passwords(var):
    embedded.ensure(var=var)
    embedded.stop(var=var)
    (var / "secrets" / "postgres").unlink()
    with pytest.raises(embedded.EmbeddedError, match="Restore the folder"):
        embedded.ensure(var=var)


@pytest.mark.slow
def test_it_gives_up_on_a_server_that_cannot_start(var):
    embedded.addresses(var)
    (var / "redis" / "appendonly.aof").write_text("this is no append-only file")
    with pytest.raises(embedded.EmbeddedError, match="dies again and again") as caught:
        embedded.ensure(var=var)
    assert "Bad file format reading the append only file" in str(caught.value)
    assert embedded.status(var=var).postgres is None
