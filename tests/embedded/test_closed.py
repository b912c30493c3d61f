"""Nobody else gets in."""

import os
import stat

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from telecardio import embedded
from telecardio.embedded.folders import Folders


def test_it_refuses_a_wrong_database_password(running):
    settings = embedded.database_settings(running)
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(
            host=settings["HOST"],
            user=settings["USER"],
            password="wrong",  # noqa: S106
            dbname=settings["NAME"],
        )


def test_it_refuses_a_wrong_redis_password(running):
    path = str(Folders.of(running).redis_socket)
    for password in (None, "wrong"):
        once = Retry(NoBackoff(), 0)
        client = redis.Redis(unix_socket_path=path, password=password, retry=once)
        with pytest.raises(redis.AuthenticationError):
            client.ping()


def test_it_listens_on_sockets_only(running, connect, redis_of):
    with connect(running) as connection:
        listening = connection.execute("SHOW listen_addresses").fetchone()
    assert listening == ("",)
    assert redis_of(running).config_get("port") == {"port": "0"}


def test_it_closes_every_folder_and_file_to_others(running):
    open_to_others = [
        path
        for path in [running, *running.rglob("*")]
        if stat.S_IMODE(path.lstat().st_mode) & 0o077
    ]
    assert open_to_others == []


def test_it_keeps_passwords_off_the_command_lines(running):
    found = embedded.status(var=running)
    secrets = [path.read_text().strip() for path in (running / "secrets").iterdir()]
    for process in (found.supervisor, found.postgres, found.redis):
        with open(f"/proc/{process.pid}/cmdline") as file:
            line = file.read()
        assert not any(secret in line for secret in secrets)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_it_runs_as_another_user_where_namespaces_are_forbidden(
    var, owner, tmp_path, connect
):
    forbidden = tmp_path / "unshare"
    forbidden.write_text("#!/bin/sh\nexit 1\n")
    forbidden.chmod(0o755)
    starter = owner(var, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert starter.stdout.readline()
    assert (var / "postgres").stat().st_uid == 65534
    with connect(var) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
@pytest.mark.slow
def test_it_takes_the_data_back_where_namespaces_work_again(
    var, owner, tmp_path, connect
):
    forbidden = tmp_path / "unshare"
    forbidden.write_text("#!/bin/sh\nexit 1\n")
    forbidden.chmod(0o755)
    assert owner(var, PATH=f"{tmp_path}:{os.environ['PATH']}").stdout.readline()
    embedded.stop(var=var)
    assert owner(var).stdout.readline()
    assert (var / "postgres").stat().st_uid == 0
    with connect(var) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
