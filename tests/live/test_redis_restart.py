"""A Redis that is stopped and started again, with all its streams lost."""

import subprocess
import time
from pathlib import Path

import pytest
import redis
from asgiref.sync import sync_to_async

from devices.redis_pool import redis as redis_breaker
from telecardio.embedded import binaries
from telecardio.processes import free_port
from tests.live.receiving import watching

pytestmark = pytest.mark.slow


class OwnRedis:
    """A Redis of this test alone."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        command = [str(binaries.redis_server()), "--port", str(self.port)]
        command += ["--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        self.server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        client = redis.Redis(port=self.port)
        for _ in range(100):
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(0.05)
            else:
                return
        pytest.fail("Redis does not start")

    def stop(self) -> None:
        self.server.kill()
        self.server.wait()


@pytest.fixture
def own_redis(tmp_path, settings):
    server = OwnRedis(tmp_path)
    settings.REDIS_URL = server.url
    yield server
    server.stop()


async def test_it_goes_on_after_redis_was_restarted(
    people, sockets, own_redis, writer, monkeypatch
):
    monkeypatch.setattr("telecardio.live.reader.POLL_S", 0.1)
    # The writer's breaker rests after a failure; this one tries at once.
    monkeypatch.setattr(redis_breaker(), "rest_s", 0.0)
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    await sync_to_async(writer.packet)()
    await received.until(lambda r: 49 in r.samples)
    await sync_to_async(own_redis.stop)()
    await received.until(lambda r: r.last("source")["source"] == "database")
    await sync_to_async(own_redis.start)()
    await received.until(lambda r: r.last("source")["source"] == "stream", 15)
    for _ in range(3):
        await sync_to_async(writer.packet)()
    await received.until(lambda r: 199 in r.samples)
    assert received.samples == list(range(200))
    await alice.disconnect()
