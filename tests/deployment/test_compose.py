"""The server deployment: a valid file whose every command really starts."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import pytest
import redis
import yaml

from telecardio.embedded import binaries, unprivileged
from telecardio.processes import commands, free_port

ROOT = Path(__file__).resolve().parent.parent.parent
GIVEN = {
    "SITE_HOST": "127.0.0.1",
    "POSTGRES_PASSWORD": "a-database-password",
    "REDIS_PASSWORD": "a-redis-password",
}
SECRET = "a-secret-of-more-than-fifty-characters-for-this-test-run-alone"
APP_SERVICES = ("migrate", "web", "ingest", "worker", "backfill", "mail", "beat")


def _filled(value: str) -> str:
    """Fill in ``${NAME}``, ``${NAME:?why}``, ``${NAME:-default}`` as Compose does."""
    variable = r"\$\{(\w+)(?::\?[^}]*|:-([^}]*))?\}"
    return re.sub(variable, lambda m: GIVEN.get(m[1]) or m[2] or GIVEN[m[1]], value)


@pytest.fixture(scope="module")
def services() -> dict[str, dict]:
    """Return the services of the file with its variables filled in."""
    text = _filled((ROOT / "docker-compose.yml").read_text())
    return yaml.safe_load(text)["services"]


def test_it_is_valid_by_the_compose_schema() -> None:
    check = [sys.executable, "-m", "check_jsonschema"]
    check += ["--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_has_every_service_of_a_deployment(services: dict[str, dict]) -> None:
    assert set(services) == {*APP_SERVICES, "postgres", "redis", "proxy"}


def test_durability_stays_on(services: dict[str, dict]) -> None:
    command = services["postgres"]["command"]
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert f"{setting}=on" in command


def test_its_processes_are_those_that_the_chaos_runs_prove(
    services: dict[str, dict],
) -> None:
    """Also how they answer, stop and find their way back to Redis."""
    ours = commands(host="0.0.0.0", web_port=8000, ingest_port=8001)  # noqa: S104
    only_here = {"--loglevel", "WARNING", "-O", "fair"}
    for name, line in ours.items():
        words = set(line[1:]) - only_here
        assert words <= {*services[name]["command"], sys.executable}, name


class _Native:
    """The file's commands, started on this machine with the file's environment."""

    def __init__(self, folder: Path, services: dict[str, dict]) -> None:
        self.folder = folder
        self.services = services
        self.ports = {
            name: free_port()
            for name in ("postgres", "redis", "web", "ingest", "proxy")
        }
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def url(self, database: str) -> str:
        password = GIVEN["POSTGRES_PASSWORD"]
        place = f"127.0.0.1:{self.ports['postgres']}{database}"
        return f"postgresql://telecardio:{password}@{place}"

    def redis_url(self) -> str:
        return f"redis://:{GIVEN['REDIS_PASSWORD']}@127.0.0.1:{self.ports['redis']}/0"

    def environment(self, name: str) -> dict[str, str]:
        """Return the file's own variables, with addresses of this machine."""
        own = {k: str(v) for k, v in self.services[name].get("environment", {}).items()}
        here = {
            "DATABASE_URL": self.url("/telecardio"),
            "REDIS_URL": self.redis_url(),
            "TELECARDIO_VAR": str(self.folder),
            "SECRET_KEY": SECRET,
            "SITE_HOST": f"http://127.0.0.1:{self.ports['proxy']}",
            "WEB": f"127.0.0.1:{self.ports['web']}",
            "INGEST": f"127.0.0.1:{self.ports['ingest']}",
        }
        own |= {key: here[key] for key in own if key in here}
        if name in APP_SERVICES:
            own["SECRET_KEY"] = SECRET
            own["STATIC_ROOT"] = str(self.folder / "static")
        # The image too says where machine code is kept.
        kept = ("PATH", "HOME", "LANG", "NUMBA_CACHE_DIR")
        base = {k: os.environ[k] for k in kept if k in os.environ}
        return base | {"XDG_DATA_HOME": str(self.folder)} | own

    def command(self, name: str) -> list[str]:
        """Return the file's command, with this machine's programs and ports."""
        replaced = {
            "python": sys.executable,
            "redis-server": str(binaries.redis_server()),
            "8000": str(self.ports["web"]),
            "8001": str(self.ports["ingest"]),
            "0.0.0.0": "127.0.0.1",
            "/etc/caddy/Caddyfile": str(ROOT / "Caddyfile"),
        }
        words = [replaced.get(word, word) for word in self.services[name]["command"]]
        if name == "postgres":
            program = str(binaries.postgres_bin() / "postgres")
            return [*unprivileged.prefix(), program, *words[1:]]
        return words

    def start(self, name: str, *more: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{name}.log").open("wb")
        self.children[name] = subprocess.Popen(
            [*self.command(name), *more],
            cwd=ROOT,
            env=self.environment(name),
            stdout=log,
            stderr=log,
        )
        return self.children[name]

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def wait_for_log(self, name: str, words: str) -> None:
        deadline = time.monotonic() + 60
        while words not in self.log(name):
            assert self.children[name].poll() is None, self.log(name)
            assert time.monotonic() < deadline, self.log(name)
            time.sleep(0.2)

    def wait_for_workers(self) -> None:
        ping = [sys.executable, "-m", "celery", "-A", "telecardio", "inspect", "ping"]
        for _ in range(40):
            assert self.children["worker"].poll() is None, self.log("worker")
            environment = self.environment("worker")
            done = subprocess.run(ping, cwd=ROOT, env=environment, capture_output=True)
            if done.stdout.count(b"pong") >= 3:
                return
        pytest.fail("".join(map(self.log, ("worker", "backfill", "mail"))))

    def wait_for_sweep(self) -> None:
        """Wait until a worker has done what only the schedule asks for."""
        told = "print(LifeSign.objects.filter(part=Part.BEAT).exists())"
        code = "from inference.models.life_sign import LifeSign, Part; " + told
        ask = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
        environment = self.environment("worker")
        for _ in range(20):
            assert self.children["beat"].poll() is None, self.log("beat")
            done = subprocess.run(ask, cwd=ROOT, env=environment, capture_output=True)
            if b"True" in done.stdout:
                return
        pytest.fail(self.log("beat") + self.log("worker"))

    def wait_for_status(self, name: str, path: str) -> int:
        """Return the first answer that is not the proxy's own "nobody there"."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.children[name].poll() is None, self.log(name)
            client = HTTPConnection("127.0.0.1", self.ports[name], timeout=5)
            try:
                client.request("GET", path, headers={"X-Forwarded-Proto": "https"})
                status = client.getresponse().status
            except OSError:
                status = 502
            finally:
                client.close()
            if status != 502:
                return status
            time.sleep(0.2)
        pytest.fail(self.log(name))

    def stop(self) -> None:
        for child in reversed(self.children.values()):
            child.terminate()
        for child in self.children.values():
            try:
                child.wait(timeout=15)
            except subprocess.TimeoutExpired:
                child.kill()


@pytest.fixture(scope="module")
def native(
    tmp_path_factory: pytest.TempPathFactory, services: dict[str, dict]
) -> Iterator[_Native]:
    """Give a folder and ports to the services of the file; stop them at the end."""
    native = _Native(tmp_path_factory.mktemp("compose"), services)
    yield native
    native.stop()


def _init_database(native: _Native) -> None:
    """Do what the image's entry point does before the file's command."""
    data, password = native.folder / "data", native.folder / "password"
    password.write_text(GIVEN["POSTGRES_PASSWORD"])
    for path in (native.folder, password):
        unprivileged.give(path)
    initdb = [str(binaries.postgres_bin() / "initdb"), "-D", str(data)]
    initdb += ["--username=telecardio", f"--pwfile={password}", "--no-sync"]
    initdb += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]
    subprocess.run(
        [*unprivileged.prefix(), *initdb], check=True, stdout=subprocess.DEVNULL
    )


@pytest.mark.slow
def test_every_command_of_the_file_starts(native: _Native) -> None:
    more = ["--port", str(native.ports["redis"]), "--dir", str(native.folder)]
    _init_database(native)
    port, data = native.ports["postgres"], str(native.folder / "data")
    here = ["-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", ""]
    native.start("postgres", *here)
    native.wait_for_log("postgres", "ready to accept connections")
    with psycopg.connect(native.url("/postgres"), autocommit=True) as own:
        own.execute("CREATE DATABASE telecardio")
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            assert own.execute(f"SHOW {setting}").fetchone() == ("on",)

    native.start("redis", *more)
    native.wait_for_log("redis", "eady to accept connections")
    assert redis.from_url(native.redis_url()).ping()

    collect = [sys.executable, "manage.py", "collectstatic", "--noinput"]
    subprocess.run(collect, cwd=ROOT, env=native.environment("web"), check=True)
    assert native.start("migrate").wait(timeout=60) == 0, native.log("migrate")
    for name in ("web", "ingest", "worker", "backfill", "mail", "beat"):
        native.start(name)
    assert native.wait_for_status("web", "/login/") == 200
    assert native.wait_for_status("ingest", "/api/v1/device") == 401
    native.wait_for_workers()
    native.wait_for_sweep()


@pytest.mark.slow
def test_the_first_administrator_is_made_by_one_command(native: _Native) -> None:
    line = [sys.executable, "manage.py", "first_admin", "ada@example.org"]
    environment = native.environment("web")
    given = environment | {"FIRST_ADMIN_PASSWORD": "seventeen violet tram stops"}
    made = subprocess.run(line, cwd=ROOT, env=given, capture_output=True, text=True)
    assert "ada@example.org is the administrator" in made.stdout, made.stderr
    again = subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert "nothing was changed" in again.stdout, again.stderr


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("caddy") is None, reason="not run: caddy is not on this machine"
)
def test_the_proxy_sends_packets_to_ingest_and_people_to_web(native: _Native) -> None:
    native.start("proxy")
    # The proxy speaks plain HTTP in this test, so both send us to HTTPS.
    assert native.wait_for_status("proxy", "/login/") == 301
    native.children["web"].terminate()
    native.children["web"].wait(timeout=15)
    assert native.wait_for_status("proxy", "/api/v1/packets") == 301
