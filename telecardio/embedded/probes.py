"""Ask a server over its socket whether it works, without a client library.

Importing psycopg and redis takes longer than everything else ``ensure`` does.
"""

import socket
import struct
from pathlib import Path

# PostgreSQL's errcodes: cannot_connect_now, while starting or recovering.
CANNOT_CONNECT_NOW = b"C57P03\0"


def postgres_answers(path: Path, *, role: str, database: str) -> bool:
    """Tell whether PostgreSQL would let a client log in now."""
    # Protocol 3.0 StartupMessage; the reply is R (a password is wanted) or E.
    words = f"user\0{role}\0database\0{database}\0\0".encode()
    message = struct.pack("!ii", 8 + len(words), 196608) + words
    reply = _ask(path, message)
    return reply[:1] == b"R" or (reply[:1] == b"E" and CANNOT_CONNECT_NOW not in reply)


def redis_answers(path: Path, *, password: str) -> bool:
    """Tell whether Redis takes the password and has loaded its data."""
    reply = _ask(path, f"AUTH {password}\r\nPING\r\n".encode(), until=b"+PONG\r\n")
    return reply.endswith(b"+PONG\r\n")


def _ask(path: Path, message: bytes, *, until: bytes = b"") -> bytes:
    reply = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(2)
            client.connect(str(path))
            client.sendall(message)
            while not reply or (until and reply.count(b"\r\n") < 2):
                part = client.recv(4096)
                if not part:
                    break
                reply += part
    except OSError:
        return b""
    return reply
