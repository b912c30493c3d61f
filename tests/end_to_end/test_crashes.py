"""Killed processes lose no acked sample and no beat, and double none."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from devices.models import Chunk
from telecardio.embedded import binaries
from telecardio.processes import free_port
from tests.end_to_end.comparing import assert_complete, sending, wfdb_specs
from tests.end_to_end.conftest import Platform, running_platform

SIGNAL_S = 180
SPEED = 8.0
NAMES = ("208", "119")

pytestmark = pytest.mark.slow


def test_killing_worker_and_ingest_loses_no_sample_and_doubles_no_beat(
    platform: Platform, ecg_data: Path, eventually: Callable[..., None]
) -> None:
    specs = wfdb_specs(platform, ecg_data, NAMES, speed=SPEED)
    with sending(platform, specs, signal_s=SIGNAL_S) as summaries:
        for name in ("worker", "ingest", "backfill", "worker", "ingest"):
            time.sleep(3)
            platform.stack.kill(name)
            time.sleep(0.5)
            platform.stack.start(name)
    assert summaries[0].nothing_lost
    assert_complete(specs, eventually, signal_s=SIGNAL_S)


@contextmanager
def _own_redis(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(binaries.redis_server()), "--port", str(port)]
    command += ["--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port)
    for _ in range(100):
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.05)
    try:
        yield server
    finally:
        server.kill()
        server.wait()


def test_uploads_go_on_while_redis_is_down_and_analysis_catches_up(
    django_db_blocker: pytest.Item,
    tmp_path: Path,
    ecg_data: Path,
    eventually: Callable[..., None],
) -> None:
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    with (
        django_db_blocker.unblock(),
        _own_redis(tmp_path, port) as server,
        running_platform(REDIS_URL=url) as platform,
    ):
        specs = wfdb_specs(platform, ecg_data, NAMES, speed=SPEED)
        with sending(platform, specs, signal_s=SIGNAL_S) as summaries:
            time.sleep(5)
            server.kill()
            server.wait()
            before = Chunk.objects.count()
            time.sleep(6)
            # Two devices, one packet per second of signal, at least at half speed.
            assert Chunk.objects.count() > before + 6 * SPEED
            with _own_redis(tmp_path, port):
                eventually(lambda: summaries, "everything is uploaded", 60)
                assert summaries[0].nothing_lost
                assert_complete(specs, eventually, signal_s=SIGNAL_S)


def test_no_process_ends_while_redis_refuses_to_write_and_analysis_catches_up(
    django_db_blocker: pytest.Item,
    tmp_path: Path,
    ecg_data: Path,
    eventually: Callable[..., None],
) -> None:
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    with (
        django_db_blocker.unblock(),
        _own_redis(tmp_path, port),
        running_platform(REDIS_URL=url) as platform,
        redis.Redis(port=port) as client,
    ):
        specs = wfdb_specs(platform, ecg_data, NAMES, speed=SPEED)
        with sending(platform, specs, signal_s=SIGNAL_S) as summaries:
            time.sleep(4)
            # As with a full disk: it answers, and takes no command that writes.
            client.config_set("min-replicas-to-write", 1)
            before = Chunk.objects.count()
            time.sleep(6)
            assert Chunk.objects.count() > before + 6 * SPEED
            client.config_set("min-replicas-to-write", 0)
            eventually(lambda: summaries, "everything is uploaded", 60)
            assert summaries[0].nothing_lost
            assert_complete(specs, eventually, signal_s=SIGNAL_S)
        platform.stack.check()
