"""Servers of the tests' own: what is killed here is never the checkout's."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from telecardio import embedded

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def var(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for servers, which are stopped at the end."""
    folder = tmp_path_factory.mktemp("v") / "var"
    yield folder
    embedded.stop(var=folder)


@pytest.fixture(scope="package")
def running_var(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of servers that the tests of this package share."""
    folder = tmp_path_factory.mktemp("v") / "var"
    embedded.ensure(var=folder)
    yield folder
    embedded.stop(var=folder)


@pytest.fixture
def running(running_var: Path) -> Path:
    """The shared servers, ready again after what the last test did to them."""
    embedded.ensure(var=running_var)
    return running_var


@pytest.fixture
def connect() -> Callable[[Path], psycopg.Connection]:
    """Open a connection to the database of a folder."""

    def opened(var: Path) -> psycopg.Connection:
        url = embedded.addresses(var).database_url
        return psycopg.connect(url, autocommit=True)

    return opened


@pytest.fixture
def redis_of() -> Callable[[Path], redis.Redis]:
    """Open a client of the Redis of a folder."""
    return lambda var: redis.Redis.from_url(embedded.addresses(var).redis_url)


@pytest.fixture
def owner() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start other processes that own servers; each waits until it is ended.

    The first line it writes is the id of the supervisor it found.
    """
    program = (
        "import sys; from pathlib import Path; from telecardio import embedded;"
        "var = Path(sys.argv[1]); embedded.ensure(var=var);"
        "print(embedded.status(var=var).supervisor.pid, flush=True);"
        "sys.stdin.read()"
    )
    started = []

    def start(var: Path, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(var)],
            cwd=CHECKOUT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Wait for a condition of another process."""

    def wait(condition: Callable[[], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.05)

    return wait
