"""What is killed comes back, with everything that was committed."""

import os
import signal
import time

import psycopg
import pytest

from telecardio import embedded
from telecardio.embedded.processes import Process

pytestmark = pytest.mark.slow


def kill(process) -> None:
    """Kill it and wait until it has gone: a signal takes its time on a busy machine."""
    os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while process.is_alive():
        assert time.monotonic() < deadline, "it lives on"
        time.sleep(0.01)


def test_it_keeps_the_committed_row_when_postgresql_is_killed(running, connect):
    with connect(running) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('committed')")
    killed = embedded.status(var=running).postgres
    kill(killed)
    embedded.ensure(var=running)
    assert embedded.status(var=running).postgres != killed
    with connect(running) as connection:
        rows = connection.execute("SELECT word FROM kept").fetchall()
    assert rows == [("committed",)]


def test_it_waits_for_what_a_killed_postgresql_left_behind(running, connect):
    busy = connect(running)
    # Inside an endless calculation it does not see that its postmaster has gone.
    left_behind = Process.of(busy.info.backend_pid)
    busy.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
    kill(embedded.status(var=running).postgres)
    embedded.ensure(var=running)
    assert not left_behind.is_alive()
    busy.close()


def test_it_starts_redis_again_with_its_data(running, redis_of, wait_until):
    client = redis_of(running)
    client.set("kept", "written")
    # everysec: what is older than a second is on the disk.
    wait_until(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0)
    killed = embedded.status(var=running).redis
    kill(killed)
    embedded.ensure(var=running)
    assert embedded.status(var=running).redis != killed
    assert redis_of(running).get("kept") == b"written"


def test_it_takes_over_the_servers_of_a_killed_supervisor(running, connect):
    before = embedded.status(var=running)
    with connect(running) as connection:
        kill(before.supervisor)
        embedded.ensure(var=running)
        assert connection.execute("SELECT 1").fetchone() == (1,)
    after = embedded.status(var=running)
    assert after.supervisor != before.supervisor
    assert (after.postgres, after.redis) == (before.postgres, before.redis)


def test_it_starts_again_when_everything_was_killed(running, connect):
    before = embedded.status(var=running)
    for process in (before.supervisor, before.postgres, before.redis):
        kill(process)
    # A living process was given the id of the old server.
    pid_file = running / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n" + pid_file.read_text().partition("\n")[2])
    embedded.ensure(var=running)
    with connect(running) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_it_recovers_from_a_removed_socket(running, connect, wait_until):
    (running / "run" / "redis.sock").unlink()
    wait_until(lambda: embedded.status(var=running).ready)
    embedded.ensure(var=running)


def test_it_recovers_from_a_killed_backend(running, connect, wait_until):
    with connect(running) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    embedded.ensure(var=running)
    with connect(running) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
