"""Backup and restore as docs/operations.md says, with PostgreSQL's own programs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from telecardio import embedded
from telecardio.embedded.binaries import postgres_bin

CHECKOUT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def _manage(var: Path, *arguments: str, status: int = 0) -> str:
    addresses = embedded.addresses(var)
    environment = os.environ | {
        "DATABASE_URL": addresses.database_url,
        "REDIS_URL": addresses.redis_url,
        "TELECARDIO_VAR": str(var),
        "SEGMENTS_DIR": str(var / "segments"),
    }
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def _program(name: str, *arguments: str) -> None:
    done = subprocess.run(
        [postgres_bin() / name, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_it_restores_what_was_backed_up_and_proves_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("b")
    var, backup = folder / "var", folder / "backup"
    backup.mkdir()
    try:
        embedded.ensure(var=var)
        _manage(var, "migrate", "--verbosity", "0")
        _manage(var, "simulate", "--fill", "16min", "--no-progress")
        said = _manage(var, "verify", "--no-progress")
        assert "All is well: 1 records" in said

        # The database first.
        url = embedded.addresses(var).database_url
        _program("pg_dump", "--format=custom", f"--file={backup / 'database'}", url)
        # Meanwhile the platform goes on: a record more.
        _manage(var, "simulate", "--fill", "6min", "--no-progress")
        # Then the segments.
        shutil.copytree(var / "segments", backup / "segments")

        embedded.stop(var=var)
        shutil.rmtree(var)
        embedded.ensure(var=var)
        url = embedded.addresses(var).database_url
        shutil.copytree(backup / "segments", var / "segments")
        _program(
            "pg_restore", "--exit-on-error", f"--dbname={url}", str(backup / "database")
        )

        said = _manage(var, "verify", "--no-progress")
        assert "All is well: 1 records, 240000 samples in 4 segments" in said
        # What was written after the database was saved belongs to nobody now.
        assert "2 files are named by no row" in said
        assert "removed" in _manage(var, "verify", "--no-progress", "--remove-unknown")
        assert "named by no row" not in _manage(var, "verify", "--no-progress")

        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute(
                "SELECT key FROM devices_segment LIMIT 1"
            ).fetchone()
        (var / "segments" / row[0]).unlink()
        said = _manage(var, "verify", "--no-progress", status=1)
        assert "its file is missing" in said
        assert "DAMAGED: 1 of 1 records" in said
    finally:
        embedded.stop(var=var)
