"""A PostgreSQL and a Redis of the benchmark's own, gone when it ends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from telecardio import embedded


@dataclass(frozen=True)
class OwnServers:
    """Their folder, and the environment by which the platform finds them."""

    var: Path
    environment: dict[str, str]

    def pids(self) -> dict[str, int]:
        """Return the process of each server by its kind."""
        found = embedded.status(var=self.var)
        if found.postgres is None or found.redis is None:
            raise embedded.EmbeddedError("A server of the benchmark has ended.")
        return {"postgres": found.postgres.pid, "redis": found.redis.pid}

    def restart(self) -> None:
        """End both and start them again, with nothing in PostgreSQL's own cache.

        Connections to them must be closed.
        """
        embedded.stop(var=self.var)
        embedded.ensure(var=self.var)


@contextmanager
def own_servers() -> Iterator[OwnServers]:
    """Run both servers in a temporary folder; the checkout's stay untouched."""
    with tempfile.TemporaryDirectory(prefix="telecardio-") as name:
        var = Path(name) / "var"
        try:
            addresses = embedded.ensure(var=var)
            yield OwnServers(
                var,
                {
                    "TELECARDIO_VAR": str(var),
                    "DATABASE_URL": addresses.database_url,
                    "REDIS_URL": addresses.redis_url,
                    "REDIS_PREFIX": "bench:",
                    "LOG_LEVEL": "WARNING",
                    # The bucket is asked as ever, but each device sends what many do.
                    "DEVICE_BUDGET_FACTOR": "1000000",
                    "DEVICE_BUDGET_BURST_S": "1000000",
                },
            )
        finally:
            embedded.stop(var=var)
