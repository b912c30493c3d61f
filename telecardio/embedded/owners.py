"""The processes for whose sake the servers run."""

import os

from telecardio.embedded.folders import Folders
from telecardio.embedded.processes import Process


def register(folders: Folders) -> None:
    """Note this process as an owner; it ceases to be one when it ends."""
    process = Process.of(os.getpid())
    path = folders.owners / str(os.getpid())
    draft = path.with_suffix(".new")
    draft.write_text(str(process))
    draft.replace(path)


def living(folders: Folders) -> list[Process]:
    """Return the owners that still run, forgetting the others."""
    found = []
    for path in folders.owners.iterdir():
        if not path.name.isdigit():
            continue
        process = Process.parse(path.read_text())
        if process is not None and process.is_alive():
            found.append(process)
        else:
            path.unlink(missing_ok=True)
    return found
