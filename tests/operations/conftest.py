"""What the tests of operations share with those of other parts."""

from tests.devices.conftest import upload
from tests.inference.conftest import mail_server
from tests.live.conftest import closed_connections, people, sockets, writer

__all__ = [
    "closed_connections",
    "mail_server",
    "people",
    "sockets",
    "upload",
    "writer",
]
