"""Killed processes lose no acked sample and no beat, and double none."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import redis

from devices.models import Chunk, Record
from devices.simulator.fleet import FleetSummary, VirtualDeviceSpec
from devices.simulator.wfdb_source import wfdb_source
from inference.ecg.pipeline import advance, finish, initial_state
from inference.ecg.scaling import adu_to_mv
from inference.models import AnalysisState, BeatBlock
from inference.nets import nets
from telecardio.embedded import binaries
from telecardio.processes import free_port
from tests.end_to_end.conftest import Platform, running_platform

SIGNAL_S = 180
SPEED = 8.0

pytestmark = pytest.mark.slow


def _offline_beats(adu: np.ndarray, source: object) -> tuple[np.ndarray, np.ndarray]:
    """Return samples and classes as the offline command finds them."""
    mv = adu_to_mv(adu, gain=source.gain, baseline=source.baseline)
    state = initial_state(fs=source.fs)
    whole = len(mv) // source.fs * source.fs
    ((state, first),) = advance([state], [mv[:whole]], nets=nets())
    (last,) = finish([state], [mv[whole:]], nets=nets())
    parts = [first.beats, last.beats]
    return (
        np.concatenate([part.samples for part in parts]),
        np.concatenate([part.classes for part in parts]),
    )


def _stored_beats(record: Record) -> tuple[np.ndarray, np.ndarray]:
    blocks = BeatBlock.objects.filter(record=record).order_by("start_sample")
    samples = b"".join(bytes(block.samples) for block in blocks)
    classes = b"".join(bytes(block.classes) for block in blocks)
    return np.frombuffer(samples, "<i8"), np.frombuffer(classes, "u1")


def _stored_samples(record: Record) -> np.ndarray:
    chunks = Chunk.objects.filter(record=record).order_by("first_sample")
    return np.concatenate([np.frombuffer(chunk.data, "<i2") for chunk in chunks])


def _analysed(record: Record) -> bool:
    # The last beats are settled when the tail of the silent record is flushed.
    return AnalysisState.objects.filter(
        record=record, flushed_sample=record.end_sample
    ).exists()


def _specs(platform: Platform, folder: Path) -> list[VirtualDeviceSpec]:
    specs = []
    pairs = zip(platform.people.patients, ("208", "119"), strict=False)
    for member, name in pairs:
        source = wfdb_source(folder / "mitdb" / name, fs=250)
        source = replace(source, adu=source.adu[:, :1].copy(), leads=source.leads[:1])
        specs.append(
            VirtualDeviceSpec(
                serial=member.serial, token=member.token, source=source, speed=SPEED
            )
        )
    return specs


@contextmanager
def _sending(
    platform: Platform, specs: list[VirtualDeviceSpec]
) -> Iterator[list[FleetSummary]]:
    summaries: list[FleetSummary] = []
    devices = threading.Thread(
        target=lambda: summaries.append(platform.send(*specs, seconds=SIGNAL_S))
    )
    devices.start()
    try:
        yield summaries
    finally:
        devices.join()


def _assert_complete(specs: list[VirtualDeviceSpec], eventually: Callable) -> None:
    for spec in specs:
        (record,) = Record.objects.filter(device__serial=spec.serial)
        sent = spec.source.adu[: SIGNAL_S * spec.source.fs, 0]
        assert np.array_equal(_stored_samples(record), sent)
        eventually(lambda r=record: _analysed(r), "the record is analysed", 120)
        samples, classes = _stored_beats(record)
        expected_samples, expected_classes = _offline_beats(sent, spec.source)
        assert np.array_equal(samples, expected_samples)
        assert np.array_equal(classes, expected_classes)


def test_killing_worker_and_ingest_loses_no_sample_and_doubles_no_beat(
    platform: Platform, ecg_data: Path, eventually: Callable[..., None]
) -> None:
    specs = _specs(platform, ecg_data)
    with _sending(platform, specs) as summaries:
        for name in ("worker", "ingest", "backfill", "worker", "ingest"):
            time.sleep(3)
            platform.stack.kill(name)
            time.sleep(0.5)
            platform.stack.start(name)
    assert summaries[0].nothing_lost
    _assert_complete(specs, eventually)


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
        specs = _specs(platform, ecg_data)
        with _sending(platform, specs) as summaries:
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
                _assert_complete(specs, eventually)


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
        specs = _specs(platform, ecg_data)
        with _sending(platform, specs) as summaries:
            time.sleep(4)
            # As with a full disk: it answers, and takes no command that writes.
            client.config_set("min-replicas-to-write", 1)
            before = Chunk.objects.count()
            time.sleep(6)
            assert Chunk.objects.count() > before + 6 * SPEED
            client.config_set("min-replicas-to-write", 0)
            eventually(lambda: summaries, "everything is uploaded", 60)
            assert summaries[0].nothing_lost
            _assert_complete(specs, eventually)
        platform.stack.check()
