"""Random passwords, made once and kept in files only the owner reads."""

import contextlib
import os
import secrets
from pathlib import Path

from telecardio.embedded.folders import EmbeddedError, Folders


def password(folders: Folders, name: str) -> str:
    """Return the password called ``name``, making it on first use."""
    path = folders.secrets / name
    try:
        if not path.exists():
            _make(path)
        found = path.read_text().strip()
    except OSError as error:
        raise EmbeddedError(
            f"Cannot use the password file {path} ({error}). Run as the user who "
            "made it, or set TELECARDIO_VAR to a folder of your own."
        ) from error
    if not found:
        raise EmbeddedError(f"The password file {path} is empty; restore it.")
    return found


def _make(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    try:
        draft.write_text(secrets.token_hex(24) + "\n")
        # link() refuses an existing name: of two processes, both use one password.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
