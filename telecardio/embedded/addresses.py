"""The addresses clients use."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from telecardio.embedded.folders import Folders
from telecardio.embedded.passwords import password

ROLE = "telecardio"
DATABASE = "telecardio"


@dataclass(frozen=True)
class Addresses:
    """URLs with passwords in them; do not log them.

    ``database_url`` suits psycopg and django-environ, ``redis_url`` redis-py and
    channels-redis, ``celery_url`` Celery (broker and results), whose library
    has its own spelling for a socket.
    """

    database_url: str
    redis_url: str
    celery_url: str

    def __repr__(self) -> str:
        return "Addresses(<hidden>)"


def addresses(var: Path | None = None) -> Addresses:
    """Return the addresses, making folders and passwords on first use.

    Start nothing: the addresses are the same whether or not the servers run.
    """
    folders = Folders.of(var).prepare()
    database_password = password(folders, "database")
    redis_password = password(folders, "redis")
    socket = quote(str(folders.redis_socket))
    host = quote(str(folders.sockets), safe="/")
    return Addresses(
        database_url=f"postgresql://{ROLE}:{database_password}@/{DATABASE}?host={host}",
        redis_url=f"unix://:{redis_password}@{socket}?db=0",
        celery_url=f"redis+socket://:{redis_password}@{socket}?virtual_host=0",
    )


def database_settings(var: Path | None = None) -> dict[str, Any]:
    """Return the entry for Django's ``DATABASES``."""
    folders = Folders.of(var).prepare()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE,
        "USER": ROLE,
        "PASSWORD": password(folders, "database"),
        "HOST": str(folders.sockets),
        "PORT": "",
    }
