"""A PostgreSQL of these tests' own, which they stop, and a web server that uses it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import environ
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from patients.models import CareTeamMember, Patient, User, Ward
from telecardio import embedded
from telecardio.demo.parts import migrate
from telecardio.processes import ROOT, free_port
from tests.browser.conftest import CHROMIUM, FLAGS, wait_for
from tests.conftest import PASSWORD

__all__ = ["CHROMIUM", "FLAGS"]


@dataclass
class Installation:
    """A web server on a PostgreSQL that can be stopped and started."""

    var: Path
    url: str
    log: Path
    alice: str
    patient: int

    @property
    def cookies(self) -> dict[str, str]:
        """The session of alice, who treats the patient."""
        return {settings.SESSION_COOKIE_NAME: self.alice}

    def stop_postgresql(self) -> None:
        """End it as an operator does."""
        embedded.stop(var=self.var)

    def start_postgresql(self) -> None:
        """Start it where it was."""
        embedded.ensure(var=self.var)

    def said(self) -> str:
        """Return what the web server logged so far."""
        return self.log.read_text()


@pytest.fixture(scope="module")
def installation(
    django_db_blocker: pytest.Item, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Give an installation with alice and a patient; gone at the end."""
    var = tmp_path_factory.mktemp("v") / "var"
    log = tmp_path_factory.mktemp("log") / "web.log"
    kept = dict(connection.settings_dict)
    where = environ.Env.db_url_config(embedded.ensure(var=var).database_url)
    where["HOST"] = where.pop("OPTIONS", {}).get("host", where["HOST"])
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict |= where
        try:
            migrate()
            session, patient = _alice()
        finally:
            connection.close()
            connection.settings_dict |= kept
    server, url = _web(embedded.addresses(var).database_url, log)
    try:
        wait_for(url, server)
        yield Installation(var, url, log, session, patient)
    finally:
        server.terminate()
        server.wait(20)
        embedded.stop(var=var)


@pytest.fixture
def running(installation: Installation) -> Iterator[Installation]:
    """Give the installation with its PostgreSQL running, before and after."""
    installation.start_postgresql()
    yield installation
    installation.start_postgresql()


def _alice() -> tuple[str, int]:
    alice = User.objects.create_user(
        "alice@example.org", PASSWORD, role=User.Role.DOCTOR
    )
    ward = Ward.objects.create(name="Cardiology")
    patient = Patient.objects.create(code="P-001", last_name="Example", ward=ward)
    treats = CareTeamMember.Relation.TREATS
    CareTeamMember.objects.create(patient=patient, user=alice, relation=treats)
    client = Client()
    client.force_login(alice)
    return client.cookies[settings.SESSION_COOKIE_NAME].value, patient.pk


def _web(database_url: str, log: Path) -> tuple[subprocess.Popen[bytes], str]:
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": database_url,
        # That of the checkout, which runs on.
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_PREFIX": settings.REDIS_PREFIX,
        "LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "uvicorn", "telecardio.asgi:application"]
    command += ["--port", str(port), "--log-level", "warning"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=output, stderr=output
        )
    return server, f"http://127.0.0.1:{port}"
