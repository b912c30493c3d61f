"""A disk of the run's own for the servers, which can be full for a while.

A tmpfs in a mount namespace that only this run sees. Root may make one; so may an
ordinary user where the kernel lets them have a user namespace.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_INSIDE = "TELECARDIO_CHAOS_OWN_MOUNTS"
_MOST_BYTES = 2 << 30
_PAGE_BYTES = 4096


def enter_own_mounts(module: str) -> None:
    """Begin anew in a mount namespace, if that is allowed; else go on without."""
    if os.environ.get(_INSIDE):
        return
    words = _unshare()
    if words:
        os.environ[_INSIDE] = "1"
        python = [sys.executable, "-m", module, *sys.argv[1:]]
        os.execvp(words[0], [*words, *python])


def has_own_mounts() -> bool:
    """Tell whether this process may mount what nobody else sees."""
    return bool(os.environ.get(_INSIDE))


def _unshare() -> list[str]:
    if shutil.which("unshare") is None:
        return []
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    words = ["unshare", "--mount", *as_root]
    tried = subprocess.run([*words, "true"], capture_output=True, check=False)
    return words if tried.returncode == 0 else []


class OwnDisk:
    """A folder on a file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700)
        self._mount(f"size={_MOST_BYTES},mode=0700", "tmpfs")

    def fill(self) -> None:
        """Let it hold no byte more than it does now.

        It becomes smaller instead of a file becoming larger, which would take as much
        memory.
        """
        for spare in range(0, 1000, 20):
            found = os.statvfs(self.folder)
            used = (found.f_blocks - found.f_bfree) * found.f_frsize
            size = used + spare * _PAGE_BYTES
            # Refused if somebody has written meanwhile.
            if self._try_mount(f"remount,size={size}") == 0:
                return
        raise OSError(f"{self.folder} could not be made full.")

    def free(self) -> None:
        """Give it room again."""
        self._mount(f"remount,size={_MOST_BYTES}", "tmpfs")

    def close(self) -> None:
        """Give the memory back."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False)

    def _try_mount(self, options: str) -> int:
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        return subprocess.run(words, capture_output=True, check=False).returncode

    def _mount(self, options: str, kind: str) -> None:
        words = ["mount", "-t", kind, "-o", options, kind, str(self.folder)]
        subprocess.run(words, check=True)
