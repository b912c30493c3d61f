"""The processes for whose sake the servers run."""

import os

from telecardio.embedded.folders import Folders
from telecardio.embedded.processes import Process


def register(folders: Folders) -> None:
    """Note this process as an owner; it ceases to be one when it ends.

    The name of the file says everything, so nobody ever reads half of it.
    """
    (folders.owners / str(Process.of(os.getpid()))).touch(mode=0o600)


def living(folders: Folders) -> list[Process]:
    """Return the owners that still run, forgetting the others."""
    found = []
    for path in folders.owners.iterdir():
        process = Process.parse(path.name)
        if process is not None and process.is_alive():
            found.append(process)
        else:
            path.unlink(missing_ok=True)
    return found
