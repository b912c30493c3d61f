"""The ingest process over real HTTP: it answers as the view does, word for word."""

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from devices.codec import BINARY_TYPE, decode_json, encode_binary
from devices.models import Chunk, Device, Record
from devices.services import revoke_device_tokens
from telecardio.processes import ROOT, commands, free_port
from tests.browser.conftest import run_database_url
from tests.devices.conftest import FS, packet, timed, worn_device

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ADDRESS = "/api/v1/packets"


@pytest.fixture(scope="module")
def ingest(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return the address of an ingest process on the database of this run."""
    with _running(tmp_path_factory.mktemp("ingest")) as (url, _):
        yield url


@contextmanager
def _running(
    folder: Path, **given: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    line = commands(host="127.0.0.1", web_port=0, ingest_port=port)
    environment = os.environ | {
        "DATABASE_URL": run_database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_PREFIX": settings.REDIS_PREFIX,
    }
    environment |= given
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            line["ingest"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, log)
        yield url, process
    finally:
        process.terminate()
        process.wait(30)
    assert "Traceback" not in log.read_text()


def test_its_other_addresses_take_no_more_than_a_form(ingest):
    answer = httpx.post(f"{ingest}/login/", content=bytes(4 << 20))
    assert answer.status_code == 413


def _wait_for(url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx.get(f"{url}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


def binary(*packets: dict) -> bytes:
    """Return packets in the binary form."""
    body = json.dumps({"packets": packets}).encode()
    return encode_binary(decode_json(body).packets)


def requests(start_at) -> Iterator[tuple[dict[str, str], bytes]]:
    """Yield what a device may send, good and bad: headers and body."""
    as_json = {"Content-Type": "application/json"}
    as_binary = {"Content-Type": BINARY_TYPE}

    def told(*packets: dict) -> bytes:
        return json.dumps({"packets": packets}).encode()

    for seq in (0, 1, 2, 3, 2, 7, 5):
        yield as_json, json.dumps(timed(seq, start_at)).encode()
    for seq in (8, 9, 9, 12):
        yield as_binary, binary(timed(seq, start_at))
    yield as_json, told(timed(13, start_at), timed(1, start_at), {"seq": 14})
    yield as_json, told(timed(13, start_at, samples=[1] * FS))
    yield as_json, told(timed(20, start_at, first_sample=10))
    yield as_json, told(timed(21, start_at, fs=500, samples=[0] * 500))
    yield (
        as_json,
        told(timed(22, start_at, status={"firmware": 'a "\\ b', "backlog": 3})),
    )
    yield as_json, told(timed(23, start_at - timedelta(days=1)))
    yield as_json, told(timed(24, start_at), timed(25, start_at, stream="0" * 16))
    yield as_json, told()
    yield as_json, b""
    yield as_json, b"{"
    yield as_json, told({"seq": 1, "stream": "zz"})
    yield as_binary, b"\x00" * 50
    yield as_binary, binary(timed(26, start_at))[:-3]
    yield as_binary, b""
    yield {"Content-Type": "text/plain"}, b"hello"
    yield as_json | {"Content-Encoding": "gzip"}, b"hello"
    yield {}, b"hello"
    yield as_json, b" " * (settings.MAX_PACKET_BODY_BYTES + 1)
    yield as_json, told(timed(30, start_at)).ljust(settings.MAX_PACKET_BODY_BYTES)
    yield as_json | {"X-Request-ID": "from-a-proxy-1"}, told(timed(31, start_at))
    yield as_json | {"Authorization": "Bearer tcd_unknown"}, b"{}"
    yield as_json | {"Authorization": "Basic abc"}, b"{}"


def as_told(status: int, headers, body: dict) -> dict:
    """Return an answer without what differs from one time to the next."""
    body = {name: value for name, value in body.items() if name != "server_time"}
    kept = ("content-type", "retry-after", "www-authenticate", "accept-post")
    found = {name: headers.get(name) for name in kept}
    return {"status": status, "body": body} | found


def test_it_answers_as_the_view_does(ingest, ward, client: Client):
    start_at = (timezone.now() - timedelta(hours=1)).replace(microsecond=0)
    since = start_at - timedelta(hours=1)
    tokens = [worn_device(serial, ward, since=since)[1] for serial in ("TC-1", "TC-2")]
    with httpx.Client(base_url=ingest) as http:
        for number, (headers, body) in enumerate(requests(start_at)):
            mine = {"Authorization": f"Bearer {tokens[0]}"} | headers
            theirs = {"Authorization": f"Bearer {tokens[1]}"} | headers
            got = http.post(ADDRESS, content=body, headers=mine)
            wanted = client.generic(
                "POST",
                ADDRESS,
                body,
                CONTENT_TYPE=theirs.pop("Content-Type", ""),
                headers=theirs,
            )
            assert as_told(got.status_code, got.headers, got.json()) == as_told(
                wanted.status_code, wanted.headers, wanted.json()
            ), number
            if "X-Request-ID" in headers:
                assert got.headers["X-Request-ID"] == "from-a-proxy-1"
            assert int(got.headers["Content-Length"]) == len(got.content)
    mine, theirs = Record.objects.filter(stream=packet()["stream"]).order_by("device")
    same = ("seq", "first_sample", "n", "crc", "at", "flags", "marker")
    rows = [
        list(each.chunks.order_by("seq").values_list(*same)) for each in (mine, theirs)
    ]
    assert rows[0] == rows[1]
    assert len(rows[0]) > 10
    names = ("next_seq", "gaps", "end_sample", "sample_count", "late_from_sample")
    assert [getattr(mine, n) for n in names] == [getattr(theirs, n) for n in names]
    firmware = set(Device.objects.values_list("firmware", "backlog"))
    assert firmware == {('a "\\ b', 3)}


def test_it_passes_on_what_is_no_upload(ingest, device, assignment, token):
    given = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=ingest, headers=given) as http:
        assert http.get("/api/v1/device").json()["serial"] == device.serial
        assert http.get(ADDRESS).status_code == 405
        assert http.get(ADDRESS).json()["code"] == "method_not_allowed"
        assert http.post("/api/v1/packet").json()["code"] == "not_found"
        assert http.get("/readyz").status_code == 200


def test_it_refuses_a_revoked_token_at_the_next_upload(
    ingest, device, assignment, token
):
    given = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=ingest, headers=given) as http:
        for seq in range(4):
            assert http.post(ADDRESS, json=packet(seq)).status_code == 200
        revoke_device_tokens(device=device)
        refused = http.post(ADDRESS, json=packet(4))
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert Chunk.objects.count() == 4


def test_it_measures_a_body_that_does_not_tell_its_length(
    ingest, device, assignment, token
):
    given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with httpx.Client(base_url=ingest, headers=given) as http:
        pieces = [json.dumps(packet(0)).encode()]
        assert http.post(ADDRESS, content=iter(pieces)).status_code == 200
        endless = iter([b" " * (1 << 16)] * 40)
        refused = http.post(ADDRESS, content=endless)
        assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
        # The client was let finish, so its connection still serves.
        assert http.post(ADDRESS, json=packet(1)).status_code == 200


def test_it_outlives_a_body_that_breaks_off(ingest, device, assignment, token):
    for _ in range(3):
        host, port = ingest.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as link:
            link.sendall(
                f"POST {ADDRESS} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer "
                f"{token}\r\nContent-Type: application/json\r\n"
                "Content-Length: 5000\r\n\r\n{".encode()
            )
            time.sleep(0.1)
    given = {"Authorization": f"Bearer {token}"}
    assert httpx.post(ingest + ADDRESS, json=packet(0), headers=given).is_success
    assert Chunk.objects.count() == 1


def test_it_gives_up_bodies_that_stop_and_stores_others_meanwhile(
    tmp_path, ward, hour_ago
):
    since = hour_ago - timedelta(hours=1)
    tokens = [worn_device(serial, ward, since=since)[1] for serial in ("TC-1", "TC-2")]
    with _running(tmp_path, MAX_PACKET_BODY_S="5") as (url, _), ExitStack() as links:
        # More than a quarter of the room of each of two processes, and less than all of
        # one, in case the other does not listen yet.
        vanished = [links.enter_context(_stopped(url, tokens[0])) for _ in range(50)]
        strange = links.enter_context(_stopped(url, "tcd_unknown"))
        given = {"Authorization": f"Bearer {tokens[1]}"}
        backlog = [timed(seq, hour_ago) for seq in range(40)]
        told = httpx.post(url + ADDRESS, json={"packets": backlog}, headers=given)
        assert told.status_code == 200, told.text
        for link in vanished:
            answer = _all_that_comes(link)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b'"code": "too_slow"' in answer
        assert _all_that_comes(strange).startswith(b"HTTP/1.1 401 ")
    assert Chunk.objects.count() == 40


def _stopped(url: str, token: str) -> socket.socket:
    """Begin to send a body, and go no further."""
    host, port = url.removeprefix("http://").split(":")
    link = socket.create_connection((host, int(port)), timeout=30)
    told = settings.MAX_PACKET_BODY_BYTES
    link.sendall(
        f"POST {ADDRESS} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {told}\r\n\r\n{{".encode()
    )
    return link


def _all_that_comes(link: socket.socket) -> bytes:
    """Read until the other side closes."""
    return b"".join(iter(lambda: link.recv(1 << 16), b""))


def test_its_workers_end_with_a_killed_master(django_db_setup, tmp_path):
    """They hold the port that the next master needs."""
    with _running(tmp_path) as (url, master):
        master.kill()
        deadline = time.monotonic() + 20
        while _is_taken(url):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def _is_taken(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port))).close()
    except ConnectionRefusedError:
        return False
    return True


def test_it_stores_once_what_many_devices_send_at_once(ingest, ward):
    start_at = timezone.now() - timedelta(seconds=60)
    since = start_at - timedelta(hours=1)
    tokens = [worn_device(f"TC-{n}", ward, since=since)[1] for n in range(24)]

    async def send_all() -> list[list[str]]:
        limits = httpx.Limits(max_connections=48)
        async with httpx.AsyncClient(base_url=ingest, limits=limits) as http:
            return await asyncio.gather(*[send(http, token) for token in tokens])

    async def send(http: httpx.AsyncClient, token: str) -> list[str]:
        given = {"Authorization": f"Bearer {token}"}
        found: list[str] = []
        for seq in range(0, 20, 2):
            # Two at once, and the first of them once more.
            posts = [
                http.post(ADDRESS, json=timed(each, start_at), headers=given)
                for each in (seq, seq + 1, seq)
            ]
            for answer in await asyncio.gather(*posts):
                assert answer.status_code == 200, answer.text
                found += [told["result"] for told in answer.json()["packets"]]
        return found

    told = [word for words in asyncio.run(send_all()) for word in words]
    assert told.count("stored") == Chunk.objects.count() == 24 * 20
    assert told.count("duplicate") == 24 * 10
    for record in Record.objects.all():
        assert (record.next_seq, record.gaps, record.end_sample) == (20, [], 20 * FS)
