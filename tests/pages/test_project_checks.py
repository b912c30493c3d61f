"""The project as a whole: migrations and the settings of a server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent.parent
SERVER = {
    "TELECARDIO_ENV": "production",
    "SECRET_KEY": "w7JrKx2mVh5tQ9pL4nZc8bYf3sGd6aEuTiOqWkXjRlHvMyPz1CoBN0UgDeSF",
    "ALLOWED_HOSTS": "telecardio.example.org",
}


def _manage(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_has_a_migration_for_every_model(db: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_it_passes_the_deployment_check_on_a_server() -> None:
    done = _manage("check", "--deploy", "--fail-level", "WARNING", **SERVER)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize("secret", ["", "short"])
def test_it_refuses_a_bad_secret_on_a_server(secret: str) -> None:
    done = _manage("check", **SERVER | {"SECRET_KEY": secret})
    assert done.returncode != 0
    assert "Set SECRET_KEY to 50 or more random characters" in done.stderr
