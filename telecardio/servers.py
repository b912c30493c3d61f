"""Where PostgreSQL and Redis are, and starting the embedded ones if none is named."""

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import environ

from telecardio import embedded

# Before anything asks where the servers are; the real environment wins.
environ.Env.read_env(Path(__file__).resolve().parent.parent / ".env")


class ServersError(ValueError):
    """Only one of the two server addresses was given."""


def uses_embedded_servers() -> bool:
    """Tell whether the project runs its own PostgreSQL and Redis."""
    named = [bool(os.environ.get(name)) for name in ("DATABASE_URL", "REDIS_URL")]
    if any(named) and not all(named):
        message = (
            "Set both DATABASE_URL and REDIS_URL, or neither: with neither, "
            "Telecardio starts its own PostgreSQL and Redis."
        )
        raise ServersError(message)
    return not any(named)


def server_addresses() -> tuple[str, str]:
    """Return the database URL and the Redis URL, without starting anything."""
    if uses_embedded_servers():
        addresses = embedded.addresses()
        return addresses.database_url, addresses.redis_url
    return os.environ["DATABASE_URL"], os.environ["REDIS_URL"]


def ensure_servers() -> None:
    """Start the embedded servers, if this installation uses them."""
    if uses_embedded_servers():
        embedded.ensure()


def broker_url(redis_url: str) -> str:
    """Spell a Redis URL as Celery reads it: it has its own form for a socket."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={database}"
