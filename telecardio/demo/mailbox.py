"""A real SMTP server that keeps what it receives, so the demo's mails can be read."""

import mailbox
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

KEPT_MAILS = 500


@dataclass
class Mailbox:
    """Mails in a Maildir folder."""

    folder: Path
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, content: bytes) -> None:
        """Keep one mail as it came over the wire."""
        with self.lock:
            mailbox.Maildir(self.folder, create=True).add(content)

    def count(self) -> int:
        """Return how many mails there are."""
        return len(mailbox.Maildir(self.folder, create=True))

    def mails(self) -> list[tuple[str, EmailMessage]]:
        """Return (key, mail), the newest first."""
        box = mailbox.Maildir(self.folder, create=True)
        newest = sorted(box.keys(), reverse=True)[:KEPT_MAILS]
        return [(key, self._parse(box.get_bytes(key))) for key in newest]

    @staticmethod
    def _parse(content: bytes) -> EmailMessage:
        parsed = message_from_bytes(content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


class _Keep:
    """The handler that aiosmtpd calls for each mail."""

    def __init__(self, kept: Mailbox) -> None:
        self.kept = kept

    async def handle_DATA(  # noqa: N802
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        """Keep the mail before it is accepted."""
        self.kept.add(envelope.content)
        return "250 Message accepted for delivery"


def start_smtp_server(kept: Mailbox, *, port: int) -> Controller:
    """Start the server on loopback in a thread of its own; the caller stops it."""
    controller = Controller(_Keep(kept), hostname="127.0.0.1", port=port)
    controller.start()
    return controller
