"""Random passwords, made once and kept in files only the owner reads."""

import os
import secrets
from pathlib import Path

from telecardio.embedded.folders import EmbeddedError, Folders


def password(folders: Folders, name: str) -> str:
    """Return the password called ``name``, making it on first use."""
    path = folders.secrets / name
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    draft = folders.secrets / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
    draft.touch(mode=0o600)
    try:
        draft.write_text(secrets.token_hex(24) + "\n")
        # link() refuses an existing name: of two processes, both use one password.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return _read(path)


def _read(path: Path) -> str:
    found = path.read_text().strip()
    if not found:
        raise EmbeddedError(f"The password file {path} is empty; remove var/secrets.")
    return found
