"""The embedded Redis."""

import os
import signal
from pathlib import Path

from telecardio.embedded import binaries, probes
from telecardio.embedded.passwords import password
from telecardio.embedded.server import Server, environment

# Everything is appended to a file and synced every second. The snapshot is only
# what a clean stop leaves besides; that one fails must not stop the writing.
CONFIGURATION = """\
port 0
unixsocket "{socket}"
unixsocketperm 700
requirepass {password}
dir "{folder}"
daemonize no
appendonly yes
appendfsync everysec
save 3600 1
stop-writes-on-bgsave-error no
maxmemory-policy noeviction
"""


class Redis(Server):
    """Redis with its data in ``var/redis``."""

    name = "redis"
    stops = ((signal.SIGTERM, 20), (signal.SIGKILL, 5))

    @property
    def socket(self) -> Path:
        """Where clients find the server."""
        return self.folders.redis_socket

    def prepare(self, held: int) -> None:
        """Write the configuration, which holds the password."""
        text = CONFIGURATION.format(
            socket=self.socket,
            password=password(self.folders, "redis"),
            folder=str(self.folders.redis).replace("\\", "\\\\").replace('"', '\\"'),
        )
        path = self.folders.redis / "redis.conf"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(os.open(path, flags, 0o600), "w") as file:
            file.write(text)

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        return [str(binaries.redis_server()), str(self.folders.redis / "redis.conf")]

    def environment(self) -> dict[str, str]:
        """Return that of every server, and how this one shall get its memory.

        glibc learns from the 10 MB that each rewriting of the file takes and gives
        back, and then puts them among the streams, where they leave holes: resident
        memory grew by 5 to 10 % in 10 min of load. Told a limit, it learns nothing.
        """
        return {**environment(), "MALLOC_MMAP_THRESHOLD_": str(128 << 10)}

    def answers(self) -> bool:
        """Tell whether the server takes commands now."""
        secret = password(self.folders, "redis")
        return probes.redis_answers(self.socket, password=secret)
