"""Every client library understands the addresses."""

import asyncio
import shutil
import stat
from pathlib import Path

import environ
import psycopg
import redis.asyncio
from channels_redis.core import RedisChannelLayer
from kombu import Connection

from telecardio import embedded
from telecardio.embedded.folders import LONGEST_SOCKET_PATH, Folders
from telecardio.servers import broker_url


def test_it_gives_the_same_addresses_before_and_after(tmp_path):
    first = embedded.addresses(tmp_path / "var")
    assert embedded.addresses(tmp_path / "var") == first
    assert embedded.status(var=tmp_path / "var").supervisor is None


def test_it_hides_passwords_when_printed(tmp_path):
    found = embedded.addresses(tmp_path / "var")
    password = (tmp_path / "var" / "secrets" / "database").read_text().strip()
    assert password in found.database_url
    assert password not in repr(found)


def test_it_suits_django(running):
    settings = embedded.database_settings(running)
    with psycopg.connect(
        host=settings["HOST"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=settings["NAME"],
    ) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_it_suits_django_environ(running):
    found = environ.Env.db_url_config(embedded.addresses(running).database_url)
    assert found["HOST"] or found["OPTIONS"]["host"] == str(Folders.of(running).sockets)
    assert found["NAME"] == "telecardio"


async def ping(url: str) -> bool:
    async with redis.asyncio.Redis.from_url(url) as client:
        return await client.ping()


def test_it_suits_asynchronous_redis(running):
    assert asyncio.run(ping(embedded.addresses(running).redis_url))


async def send_and_receive(url: str) -> dict[str, str]:
    layer = RedisChannelLayer(hosts=[url])
    await layer.send("ward", {"type": "alarm"})
    try:
        return await layer.receive("ward")
    finally:
        await layer.close_pools()


def test_it_suits_channels(running):
    url = embedded.addresses(running).redis_url
    assert asyncio.run(send_and_receive(url)) == {"type": "alarm"}


def test_it_suits_celery(running):
    with Connection(embedded.addresses(running).celery_url) as connection:
        queue = connection.SimpleQueue("work")
        queue.put({"record": 1})
        message = queue.get(timeout=5)
        message.ack()
        assert message.payload == {"record": 1}
        queue.close()


def test_it_spells_the_redis_url_for_celery(tmp_path):
    found = embedded.addresses(tmp_path / "var")
    assert broker_url(found.redis_url) == found.celery_url
    assert broker_url("redis://cache:6379/1") == "redis://cache:6379/1"


def test_it_finds_a_short_path_for_the_sockets_of_a_deep_folder(tmp_path):
    folders = Folders.of(tmp_path / ("deep" * 30) / "var")
    embedded.addresses(folders.var)
    try:
        assert len(str(folders.postgres_socket)) <= LONGEST_SOCKET_PATH
        assert stat.S_IMODE(folders.sockets.stat().st_mode) == 0o700
        assert folders.sockets == Folders.of(folders.var).sockets
    finally:
        shutil.rmtree(folders.sockets)


def test_it_uses_the_folder_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TELECARDIO_VAR", str(tmp_path / "elsewhere"))
    assert str(tmp_path / "elsewhere") in embedded.addresses().redis_url
    assert Path(tmp_path / "elsewhere" / "secrets").is_dir()
