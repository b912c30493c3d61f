"""Run PostgreSQL, which refuses to run as root, when we are root."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

from telecardio.embedded.folders import EmbeddedError

NOBODY = 65534

# Our root is seen as nobody inside: nothing is copied, opened or given away.
NAMESPACE = ["unshare", "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]

# Where user namespaces are forbidden: a real other user, who passes the closed
# folders above the data by one capability instead of by wider modes.
OTHER_USER = [
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    "--inh-caps=-all,+dac_override",
    "--ambient-caps=-all,+dac_override",
]


@functools.cache
def prefix() -> list[str]:
    """Return the words to put before a command that must not see itself as root."""
    if os.geteuid() != 0:
        return []
    for words in (NAMESPACE, OTHER_USER):
        if _works(words):
            return words
    raise EmbeddedError(
        "PostgreSQL does not run as root, and neither unshare nor setpriv works "
        "here. Start the project as an ordinary user, or set DATABASE_URL and "
        "REDIS_URL to servers of your own."
    )


def give(folder: Path) -> None:
    """Give a data folder to the user who will run PostgreSQL."""
    if os.geteuid() != 0 or not folder.exists():
        return
    uid = NOBODY if prefix() == OTHER_USER else 0
    if folder.stat().st_uid == uid:
        return
    for path in folder.rglob("*"):
        os.chown(path, uid, uid, follow_symlinks=False)
    os.chown(folder, uid, uid)


def _works(words: list[str]) -> bool:
    if shutil.which(words[0]) is None:
        return False
    tried = subprocess.run([*words, "true"], capture_output=True, check=False)
    return tried.returncode == 0
