"""Segments as files of this machine that outlive a power cut."""

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages


class DurableFiles(FileSystemStorage):
    """Files that are on the disk when ``save`` returns; only their owner reads them.

    The rows that a segment replaces are deleted next, so what was written must not
    wait in a cache of the system.
    """

    def __init__(self, **options: Any) -> None:
        options.setdefault("file_permissions_mode", 0o600)
        options.setdefault("directory_permissions_mode", 0o700)
        super().__init__(**options)

    def _save(self, name: str, content: Any) -> str:
        path = Path(self.path(name))
        made = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content.read())
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            # On a full disk each try would leave one more.
            part.unlink(missing_ok=True)
            raise
        part.replace(path)
        for folder in {path.parent, *(one.parent for one in made)}:
            _sync(folder)
        return name

    def delete(self, name: str) -> None:
        """Remove a file, and what a writer left of it that was killed."""
        super().delete(name)
        Path(self.path(name) + ".part").unlink(missing_ok=True)

    def read_whole(self, name: str) -> bytes:
        """Return a file; ``FileNotFoundError`` if there is none."""
        return Path(self.path(name)).read_bytes()


def _sync(folder: Path) -> None:
    """Let the names in a folder outlive a power cut, too."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def segment_store() -> Any:
    """Return where segments are kept, as ``STORAGES`` says.

    A Django storage with a ``read_whole``: ``DurableFiles`` or ``SegmentObjects``.
    """
    return storages["segments"]


def new_key(now: datetime) -> str:
    """Return a name for a file: the day it is written on, else nothing to guess."""
    name = secrets.token_hex(16)
    return f"{now:%Y%m%d}/{name[:2]}/{name}"


def write_segment(key: str, data: bytes) -> None:
    """Keep the bytes under this name; when it returns, they are kept."""
    saved = segment_store().save(key, ContentFile(data))
    if saved != key:
        message = f"The segment store took {key} for {saved}: it must keep names."
        raise RuntimeError(message)


def read_segment(key: str) -> bytes:
    """Return the bytes of a file; ``FileNotFoundError`` if there is none.

    Raises another ``OSError`` where the disk fails or the store is away.
    """
    data: bytes = segment_store().read_whole(key)
    return data
