"""Where segments are kept: durable files, or a real S3 server."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import numpy as np
import pytest
from django.conf import settings as current
from django.core.files.base import ContentFile
from django.test import override_settings
from django.utils import timezone

from devices.models import Record, Segment
from devices.reading import read_signal
from devices.segment_files import (
    DurableFiles,
    new_key,
    read_segment,
    segment_store,
    write_segment,
)
from devices.segment_objects import StoreAway
from devices.segment_reading import kept_segments
from telecardio.processes import free_port
from tests.storage.conftest import Store, compact, everything, packet


def test_it_keeps_files_for_its_owner_only_and_leaves_no_half_ones() -> None:
    key = new_key(timezone.now())
    write_segment(key, b"signal")
    assert read_segment(key) == b"signal"
    path = Path(segment_store().path(key))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    # Other tests keep files here too, some of them in the same folder.
    names = {one.name for one in path.parent.iterdir()}
    assert path.name in names
    assert not [name for name in names if name.endswith(".part")]
    segment_store().delete(key)
    with pytest.raises(FileNotFoundError):
        read_segment(key)


def test_it_has_the_bytes_on_the_disk_before_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def fsync(number: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{number}"))

    monkeypatch.setattr(os, "fsync", fsync)
    DurableFiles(location=tmp_path).save("a/b/c", ContentFile(b"x"))
    assert synced[0].endswith("a/b/c.part")
    folders = {str(tmp_path / "a" / "b"), str(tmp_path / "a"), str(tmp_path)}
    assert folders <= set(synced)


def test_it_names_files_by_nothing_that_can_be_guessed() -> None:
    now = timezone.now()
    keys = {new_key(now) for _ in range(100)}
    assert len(keys) == 100
    assert all(len(key.rsplit("/")[-1]) == 32 for key in keys)


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """Run moto's S3 server and return its address."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, stdout=quiet, stderr=quiet)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(address, trust_env=False)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let segments be kept in a bucket of the server."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")
    client.create_bucket(Bucket="telecardio")
    with bucket_at(s3_server):
        yield


def bucket_at(address: str) -> override_settings:
    """Let segments be kept in the bucket at this address."""
    bucket = {
        "BACKEND": "devices.segment_objects.SegmentObjects",
        "OPTIONS": {
            "bucket_name": "telecardio",
            "endpoint_url": address,
            "region_name": "us-east-1",
            "location": "segments",
            "default_acl": None,
        },
    }
    return override_settings(STORAGES=current.STORAGES | {"segments": bucket})


@pytest.mark.django_db
def test_it_keeps_segments_in_s3(s3: None, store: Store) -> None:
    store([packet(seq) for seq in range(320) if seq != 9])
    record = Record.objects.get()
    before = everything(record)
    assert compact(record) == 2
    assert type(segment_store()).__name__ == "SegmentObjects"
    assert everything(record) == before
    store([packet(9)], after_s=900)
    before = everything(record)
    assert compact(record) == 1
    assert everything(record) == before
    assert store([packet(9), packet(1)], after_s=900) == ["duplicate"] * 2
    segment = Segment.objects.first()
    segment_store().delete(segment.key)
    with pytest.raises(FileNotFoundError):
        read_segment(segment.key)


@pytest.mark.django_db
def test_it_shows_what_is_there_while_s3_is_away(s3: None, store: Store) -> None:
    store([packet(seq) for seq in range(320)])
    record = Record.objects.get()
    assert compact(record) == 2
    store([packet(320), packet(321)], after_s=900)
    kept_segments.clear()
    record.refresh_from_db()
    with bucket_at(f"http://127.0.0.1:{free_port()}"):
        key = Segment.objects.first().key
        with pytest.raises(StoreAway):
            read_segment(key)
        # Nobody waits for it again at once.
        began = time.monotonic()
        away: list[tuple[int, int]] = []
        signal = read_signal(record, 0, record.end_sample, damaged=away)
        assert time.monotonic() - began < 1
        spans = Segment.objects.order_by("span_sample")
        assert away == list(spans.values_list("start_sample", "end_sample"))
        assert np.isnan(signal[: away[-1][1]]).all()
        assert not np.isnan(signal[away[-1][1] :]).any()
        assert store([packet(1), packet(320)], after_s=900) == ["duplicate"] * 2
    assert not np.isnan(read_signal(record, 0, record.end_sample)).any()
