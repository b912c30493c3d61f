"""The first administrator: by one command, never with a password anyone knows."""

import os
import select
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from patients.models import User
from patients.services import create_first_admin
from tests.browser.conftest import run_database_url

ROOT = Path(__file__).resolve().parent.parent.parent
EMAIL = "Ada@Example.org"
STRONG = "seventeen violet tram stops"
NO_REDIS = "redis://127.0.0.1:9/0"


def _run(email: str = EMAIL) -> str:
    out = StringIO()
    call_command("first_admin", email, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Set the password for the command."""
    monkeypatch.setenv("FIRST_ADMIN_PASSWORD", STRONG)
    return monkeypatch


def test_it_makes_an_administrator_who_may_sign_in(
    db: None, client: Client, given: pytest.MonkeyPatch
) -> None:
    assert "ada@example.org is the administrator" in _run()
    client.post("/login/", {"username": EMAIL, "password": STRONG})
    assert client.get("/admin/patients/user/add/").status_code == 200


def test_it_tells_the_password_to_nobody(
    db: None, caplog: pytest.LogCaptureFixture, given: pytest.MonkeyPatch
) -> None:
    caplog.set_level(0)
    assert STRONG not in _run()
    assert STRONG not in caplog.text
    given.setenv("FIRST_ADMIN_PASSWORD", "a-weak-one")
    User.objects.all().delete()
    with pytest.raises(CommandError) as refused:
        _run()
    assert "a-weak-one" not in str(refused.value) + caplog.text


def test_it_does_nothing_where_there_is_an_administrator(
    db: None, root: User, given: pytest.MonkeyPatch
) -> None:
    assert "nothing was changed" in _run()
    given.delenv("FIRST_ADMIN_PASSWORD")
    assert "nothing was changed" in _run(root.email)
    assert User.objects.get().password == root.password


@pytest.mark.parametrize(
    "weak",
    ["short", "password1234", "ada@example.org", "123456789012345", "elevenchars"],
)
def test_it_refuses_a_weak_password(db: None, given: object, weak: str) -> None:
    given.setenv("FIRST_ADMIN_PASSWORD", weak)
    with pytest.raises(CommandError, match="No account was made"):
        _run()
    assert not User.objects.exists()


def test_it_refuses_to_go_on_without_a_password(db: None) -> None:
    with pytest.raises(CommandError, match="set FIRST_ADMIN_PASSWORD for this one"):
        _run()
    assert not User.objects.exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("again", "made"), [(STRONG, True), (STRONG[:-1], False)])
def test_it_asks_twice_in_a_terminal_and_shows_nothing(again: str, made: bool) -> None:
    ours, theirs = os.openpty()
    asked = subprocess.Popen(
        [sys.executable, "manage.py", "first_admin", EMAIL],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": run_database_url(), "REDIS_URL": NO_REDIS},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = _typed(ours, "Password: ", STRONG) + _typed(ours, "Once more: ", again)
    shown += _shown_until(ours, ".")
    assert asked.wait(timeout=60) == (0 if made else 1), shown
    os.close(ours)
    assert STRONG[:-1] not in shown
    assert User.objects.filter(is_superuser=True).exists() is made


def _typed(terminal: int, asked: str, line: str) -> str:
    shown = _shown_until(terminal, asked)
    os.write(terminal, f"{line}\n".encode())
    return shown


def _shown_until(terminal: int, words: str) -> str:
    shown = ""
    while words not in shown:
        assert select.select([terminal], [], [], 60)[0], shown
        shown += os.read(terminal, 4096).decode()
    return shown


def test_it_takes_no_account_that_is_there(
    alice: User, given: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match="has an account already"):
        _run(alice.email.upper())
    alice.refresh_from_db()
    assert not alice.is_superuser


def test_it_refuses_what_is_no_address(db: None, given: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="valid email address"):
        _run("ada")


@pytest.mark.django_db(transaction=True)
def test_of_several_at_once_one_makes_it() -> None:
    def make(number: int) -> User | None:
        try:
            return create_first_admin(email=f"ada{number}@example.org", password=STRONG)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        made = [one for one in threads.map(make, range(4)) if one is not None]
    assert [one.pk for one in made] == [User.objects.get(is_superuser=True).pk]
