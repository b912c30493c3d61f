"""``/healthz`` and ``/readyz``: what machines ask before they send anybody here."""

import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.test import Client

from telecardio.operations import readiness
from telecardio.operations.check import main as check
from tests.operations import asynchronous

PARTS = {"postgresql", "migrations", "redis", "models"}


@pytest.fixture
def database_at(transactional_db: None) -> Iterator[Callable[[int], None]]:
    """Return a function that moves the database to a port, until the test ends."""
    kept = dict(connection.settings_dict)

    def move(port: int) -> None:
        connection.close()
        connection.settings_dict |= {"HOST": "127.0.0.1", "PORT": str(port)}

    yield move
    connection.close()
    connection.settings_dict |= kept


def test_it_lives_without_asking_anybody(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


def test_it_is_ready_when_every_part_is(db: None, client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200, response.json()
    assert response.json()["parts"] == {part: {"ready": True} for part in PARTS}


async def test_it_is_answered_by_the_asynchronous_server_too(
    transactional_db: None,
) -> None:
    assert (await asynchronous.get("/healthz")).status_code == 200
    response = await asynchronous.get("/readyz")
    assert response.status_code == 200, response.json()


def test_it_answers_by_whatever_name_and_without_tls(client, settings) -> None:
    settings.ALLOWED_HOSTS = ["telecardio.example.org"]
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz", headers={"Host": "10.0.0.7:8000"}).status_code == 200
    assert client.get("/login/", headers={"Host": "10.0.0.7:8000"}).status_code != 200


def test_it_is_not_ready_without_redis(db, client, settings, closed_port) -> None:
    settings.REDIS_URL = f"redis://:a-password@127.0.0.1:{closed_port}/0"
    response = client.get("/readyz")
    parts = response.json()["parts"]
    assert response.status_code == 503
    assert [part for part in PARTS if not parts[part]["ready"]] == ["redis"]
    assert "Is Redis running" in parts["redis"]["todo"]
    assert "a-password" not in response.text
    assert str(closed_port) not in response.text


def test_it_asks_only_the_parts_that_are_named(
    db, client, settings, closed_port
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{closed_port}/0"
    response = client.get("/readyz?part=postgresql&part=migrations")
    assert (response.status_code, set(response.json()["parts"])) == (
        200,
        {"postgresql", "migrations"},
    )
    assert client.get("/readyz?part=moon").status_code == 400


def test_it_is_not_ready_without_the_database(client, database_at, closed_port) -> None:
    database_at(closed_port)
    response = client.get("/readyz")
    parts = response.json()["parts"]
    assert response.status_code == 503
    assert not parts["postgresql"]["ready"]
    assert not parts["migrations"]["ready"]
    assert parts["redis"]["ready"]
    for secret in (connection.settings_dict["PASSWORD"], "Traceback", "127.0.0.1"):
        assert secret not in response.text
    assert client.get("/healthz").status_code == 200


def test_it_does_not_wait_for_a_database_that_hangs(
    client, database_at, silent_port
) -> None:
    database_at(silent_port)
    began = time.monotonic()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert time.monotonic() - began < readiness.TIMEOUT_S + 1
    assert client.get("/readyz?part=redis").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_it_is_not_ready_before_the_migrations(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE (app, name) = "
            "('inference', '0005_reanalysis') RETURNING applied"
        )
        [applied] = cursor.fetchone()
        try:
            response = client.get("/readyz")
        finally:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) "
                "VALUES ('inference', '0005_reanalysis', %s)",
                [applied],
            )
    todo = response.json()["parts"]["migrations"]["todo"]
    assert response.status_code == 503
    assert todo == "1 migrations are not applied. Run: python manage.py migrate"


def test_the_check_of_a_container_says_what_is_wrong(
    closed_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(f"http://127.0.0.1:{closed_port}/readyz") == 1
    assert "refused" in capsys.readouterr().out
