"""The servers stop when nobody needs them any more."""

import signal
import subprocess
import sys

import pytest

from telecardio import embedded
from telecardio.embedded import __main__ as command


def test_it_stops_when_asked(var, connect, redis_of, monkeypatch, capsys):
    embedded.ensure(var=var)
    redis_of(var).set("kept", "yes")
    before = embedded.status(var=var)
    monkeypatch.setattr("sys.argv", ["embedded", "--var", str(var), "--stop"])
    assert command.main() == 0
    for process in (before.supervisor, before.postgres, before.redis):
        assert not process.is_alive()
    monkeypatch.setattr("sys.argv", ["embedded", "--var", str(var), "--status"])
    assert command.main() == 3
    assert "not ready" in capsys.readouterr().out
    embedded.ensure(var=var)
    assert redis_of(var).get("kept") == b"yes"


@pytest.mark.slow
def test_it_stops_when_the_last_owner_has_gone(var, owner, wait_until):
    first, second = owner(var), owner(var)
    assert first.stdout.readline() == second.stdout.readline()
    before = embedded.status(var=var)
    assert len(before.owners) == 2
    first.send_signal(signal.SIGKILL)
    first.wait()
    wait_until(lambda: len(embedded.status(var=var).owners) == 1)
    assert embedded.status(var=var).ready
    second.send_signal(signal.SIGKILL)
    second.wait()
    wait_until(lambda: embedded.status(var=var).supervisor is None)
    assert not before.postgres.is_alive()
    assert not before.redis.is_alive()


@pytest.mark.slow
def test_it_stops_the_servers_of_a_removed_folder(var, owner, wait_until, tmp_path):
    assert owner(var).stdout.readline()
    before = embedded.status(var=var)
    var.rename(tmp_path / "moved")
    wait_until(lambda: not before.supervisor.is_alive())
    assert not before.postgres.is_alive()
    assert not before.redis.is_alive()


def test_it_runs_in_the_foreground_without_an_owner(var, wait_until):
    running = subprocess.Popen(
        [sys.executable, "-m", "telecardio.embedded", "--var", str(var)],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: embedded.status(var=var).ready)
    finally:
        running.terminate()
    assert running.wait(timeout=20) == 0
    assert embedded.status(var=var).postgres is None
