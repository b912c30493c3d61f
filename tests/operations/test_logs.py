"""The lines of the log: known by request, device and task, and without secrets."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client

from devices.log_context import begin_log_context, log_context, log_fields
from telecardio.celery import app
from telecardio.log_lines import JsonLines, PlainLines, hide_secrets
from telecardio.processes import ROOT
from tests.devices.conftest import packet
from tests.operations import asynchronous


class Kept(logging.Handler):
    """Keeps what the log would hold, as JSON lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, str]] = []
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def log() -> Iterator[list[dict[str, str]]]:
    """Return the lines that are written during the test."""
    kept = Kept()
    logging.getLogger().addHandler(kept)
    yield kept.lines
    logging.getLogger().removeHandler(kept)


def line(message: str, *args: object, level: int = logging.ERROR, **fields: str) -> str:
    record = logging.LogRecord("devices", level, "x.py", 1, message, args, None)
    with log_context(**fields):
        return JsonLines().format(record)


def test_it_writes_one_object_a_line() -> None:
    told = json.loads(line("Two\nlines of %s", "Łódź", request_id="a-request"))
    assert set(told) == {"time", "level", "logger", "message", "request_id"}
    assert told["level"] == "error"
    assert told["logger"] == "devices"
    assert told["message"] == "Two\nlines of Łódź"
    assert told["time"].endswith("Z")
    assert "\n" not in line("Two\nlines")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Bearer tcd_0123456789abcdefghijABCDEFGHIJ0123456789-_x", "0123456789"),
        ("Authorization: Bearer aGVsbG8.d29ybGQ", "aGVsbG8"),
        ("cannot connect to redis://:hunter22@redis:6379/0", "hunter22"),
        ("postgresql://telecardio:hunter22@db:5432/telecardio", "hunter22"),
        ("password=hunter22 host=db", "hunter22"),
        ('{"password": "hunter22"}', "hunter22"),
        (r"DETAIL:  Failing row contains (1, \x0102a0b0, Paula).", "a0b0"),
    ],
)
def test_it_hides_secrets(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in hide_secrets(text)
    assert "[hidden]" in hide_secrets(text)
    assert secret not in line(text)
    try:
        raise ValueError(text)
    except ValueError:
        record = logging.LogRecord("a", 40, "x", 1, "failed", (), sys.exc_info())
    for formatter in (JsonLines(), PlainLines()):
        written = formatter.format(record)
        assert secret not in written
        assert "Traceback" in written


def test_it_tells_people_which_request_failed() -> None:
    record = logging.LogRecord("devices", 30, "x.py", 1, "Redis is away", (), None)
    with log_context(request_id="a-request", device_id="TC-0001"):
        told = PlainLines().format(record)
    assert told.endswith("Redis is away [request_id=a-request device_id=TC-0001]")


@pytest.mark.parametrize("given", ["proxy-7f3a.2_b", "0123456789abcdef" * 4])
def test_it_takes_the_id_that_a_proxy_gave(client: Client, given: str) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": given})
    assert response["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "short", "a" * 65, "two words", "a\r\nSet-x: y"])
def test_it_makes_an_id_where_none_is_sane(client: Client, given: str) -> None:
    made = {
        client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"]
        for _ in range(2)
    }
    assert len(made) == 2
    assert given not in made
    assert all(len(request_id) == 32 for request_id in made)


async def test_it_identifies_requests_of_the_asynchronous_server_too() -> None:
    given = {"X-Request-ID": "from-the-proxy"}
    response = await asynchronous.get("/login/", given)
    assert response.headers["X-Request-ID"] == "from-the-proxy"
    assert not log_fields()


@pytest.mark.django_db(transaction=True)
def test_it_says_whose_upload_failed(upload, assignment, token, log) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE devices_chunk RENAME TO devices_chunk_away")
        try:
            samples = [1234] * 250
            given = {"X-Request-ID": "from-the-proxy"}
            response = upload(packet(0, samples=samples), **given)
        finally:
            cursor.execute("ALTER TABLE devices_chunk_away RENAME TO devices_chunk")
    assert response.status_code == 500
    assert response["X-Request-ID"] == "from-the-proxy"
    [told] = [told for told in log if told["logger"] == "devices.api.problems"]
    assert told["request_id"] == "from-the-proxy"
    assert told["device_id"] == assignment.device.serial
    assert "Traceback" in told["error"]
    whole = json.dumps(log)
    assert token not in whole
    assert "1234, 1234" not in whole
    assert not log_fields()


def test_it_names_the_task_in_the_lines_of_a_worker(db, log) -> None:
    @app.task(name="tests.says_something")
    def says_something() -> None:
        logging.getLogger("tests").warning("said")

    result = says_something.apply()
    [told] = [told for told in log if told["logger"] == "tests"]
    assert told["task_id"] == result.id
    assert told["task"] == "tests.says_something"
    assert not log_fields()
    begin_log_context()


@pytest.mark.parametrize(("kind", "first"), [("json", "{"), ("plain", "2")])
def test_the_setting_chooses_the_form(kind: str, first: str) -> None:
    script = (
        "import django, logging; django.setup();"
        "logging.getLogger('devices').warning('said'); "
        "logging.getLogger('uvicorn.error').warning('served')"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "telecardio.settings",
        "TELECARDIO_LOG_FORMAT": kind,
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stderr.splitlines()
    assert [told[0] for told in lines] == [first, first], done.stderr
