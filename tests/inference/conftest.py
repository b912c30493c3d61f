"""Fixtures of the inference tests."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django.fixtures import Settings

from telecardio.processes import free_port


@dataclass
class MailServer:
    """A real SMTP server that keeps what it accepts."""

    mails: list[Message] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    # Answers to give to the next messages instead of accepting them.
    refusals: list[str] = field(default_factory=list)

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Accept a message, or refuse it as told."""
        if self.refusals:
            return self.refusals.pop(0)
        self.mails.append(message_from_bytes(envelope.content or b""))
        self.addresses += envelope.rcpt_tos
        return f"250 kept as number {len(self.mails)}"


@pytest.fixture
def mail_server(settings: Settings) -> Iterator[MailServer]:
    """Run an SMTP server that the settings name."""
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    yield server
    controller.stop()
