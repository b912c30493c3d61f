"""Send one mail, to see whether the mail settings work."""

import smtplib
import socket
import ssl
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.smtp import AnsweringBackend, answer_of


class Command(BaseCommand):
    """``send_test_mail ADDRESS``."""

    help = "Send one mail to ADDRESS and say what the mail server answered."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address."""
        parser.add_argument("address", metavar="ADDRESS")

    def handle(self, *, address: str, **_: Any) -> None:
        """Send the mail, or say what to change."""
        backend = AnsweringBackend()
        message = EmailMessage(
            "Telecardio: test mail",
            "The mail settings of this Telecardio installation work.\n\n"
            "Email is not an emergency channel: it may be late or lost.\n",
            settings.DEFAULT_FROM_EMAIL,
            [address],
        )
        try:
            backend.open()
            backend.send_messages([message])
            answer = backend.answer
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise CommandError(_advice(error, address)) from error
        finally:
            backend.close()
        self.stdout.write(f"{_server()} took the mail to {address}: {answer}")
        self.stdout.write("If it does not arrive, look into the spam folder.")


def _server() -> str:
    return f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"


def _advice(error: Exception, address: str) -> str:
    """Say what went wrong and which setting to look at."""
    said, server = answer_of(error), _server()
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return (
            f"{server} refused the credentials ({said}). Check EMAIL_ADDRESS and "
            "EMAIL_PASSWORD; many providers want an app password."
        )
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"{server} refused the recipient {address} ({said})."
    if isinstance(error, smtplib.SMTPSenderRefused):
        return (
            f"{server} refused the sender {settings.DEFAULT_FROM_EMAIL} ({said}). Set "
            "EMAIL_ADDRESS to an address of that server, and EMAIL_PASSWORD if it "
            "asks for a login."
        )
    if isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLError):
        return (
            f"{server} and we do not agree on encryption ({said}). For port 587 set "
            "EMAIL_USE_TLS=true, for port 465 EMAIL_USE_SSL=true, for neither none."
        )
    if isinstance(error, socket.gaierror):
        return f"No server is called {settings.EMAIL_HOST}: check EMAIL_HOST."
    if isinstance(error, TimeoutError | smtplib.SMTPServerDisconnected):
        return (
            f"{server} does not answer as a mail server ({said}). Check EMAIL_HOST and "
            "EMAIL_PORT, that a firewall lets this machine out, and that port 465 goes "
            "with EMAIL_USE_SSL=true."
        )
    if isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException):
        return f"{server} cannot be reached ({said}). Check EMAIL_HOST and EMAIL_PORT."
    return f"{server} did not take the mail ({said})."
