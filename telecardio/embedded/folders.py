"""Where everything of the embedded servers lies."""

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

# sockaddr_un holds 108 bytes with the closing zero on Linux, 104 on macOS.
LONGEST_SOCKET_PATH = 103
POSTGRES_SOCKET = ".s.PGSQL.5432"
REDIS_SOCKET = "redis.sock"


class EmbeddedError(ValueError):
    """An embedded server cannot run; the message says what to do."""


@dataclass(frozen=True)
class Folders:
    """The folder for run-time files and what lies in it."""

    var: Path

    @classmethod
    def of(cls, var: Path | None = None) -> "Folders":
        """Name the folders below ``var``, ``TELECARDIO_VAR`` or the checkout's."""
        chosen = var or os.environ.get("TELECARDIO_VAR") or CHECKOUT / "var"
        return cls(Path(chosen).expanduser().resolve())

    @property
    def run(self) -> Path:
        """Locks, owners and (where their path is short) sockets."""
        return self.var / "run"

    @property
    def owners(self) -> Path:
        return self.run / "owners"

    @property
    def secrets(self) -> Path:
        return self.var / "secrets"

    @property
    def log(self) -> Path:
        return self.var / "log"

    @property
    def postgres(self) -> Path:
        return self.var / "postgres"

    @property
    def redis(self) -> Path:
        return self.var / "redis"

    @property
    def supervisor_lock(self) -> Path:
        return self.run / "supervisor.lock"

    @property
    def ready(self) -> Path:
        """Exists while both servers answer; names the supervisor that says so."""
        return self.run / "ready"

    @property
    def failure(self) -> Path:
        """Why the last supervisor gave up."""
        return self.run / "failure"

    @property
    def sockets(self) -> Path:
        """The folder of both sockets, the same in every process of this user.

        A socket path is limited to about 100 bytes, and clients split or
        re-quote odd characters in it, so a long or odd path gets a short folder
        outside. It never depends on TMPDIR or XDG_RUNTIME_DIR, which differ
        between a login, cron and a service of the same user.
        """
        longest = str(self.run / POSTGRES_SOCKET)
        plain = re.fullmatch(r"[A-Za-z0-9/._-]+", longest)
        if plain and len(longest) <= LONGEST_SOCKET_PATH:
            return self.run
        digest = hashlib.sha256(os.fsencode(self.var)).hexdigest()[:16]
        return Path("/tmp") / f"telecardio-{os.getuid()}-{digest}"

    @property
    def postgres_socket(self) -> Path:
        return self.sockets / POSTGRES_SOCKET

    @property
    def redis_socket(self) -> Path:
        return self.sockets / REDIS_SOCKET

    def prepare(self) -> "Folders":
        """Create the folders, each closed to other users."""
        try:
            if not self.var.is_dir():
                self.var.mkdir(mode=0o700, parents=True, exist_ok=True)
            elif self.var == CHECKOUT / "var":
                # Only the checkout's own: TELECARDIO_VAR may name a shared folder.
                _close(self.var)
            for folder in (self.run, self.owners, self.secrets, self.log, self.redis):
                folder.mkdir(mode=0o700, exist_ok=True)
                _close(folder)
        except OSError as error:
            raise EmbeddedError(
                f"Cannot use {self.var} for the embedded servers ({error}). Make it "
                "writable, or set TELECARDIO_VAR to a folder of your own."
            ) from error
        self._prepare_sockets()
        return self

    def _prepare_sockets(self) -> None:
        folder = self.sockets
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        # Another user could have made this well-known name first.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise EmbeddedError(
                f"{folder} belongs to somebody else. Remove it, or set "
                "TELECARDIO_VAR to a short path of your own."
            )
        _close(folder)


def _close(folder: Path) -> None:
    if stat.S_IMODE(folder.stat().st_mode) != 0o700:
        folder.chmod(0o700)
