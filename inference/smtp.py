"""Django's SMTP backend, keeping what the server answered."""

import smtplib
from typing import Any

from django.core.mail.backends.smtp import EmailBackend


class _Answering:
    """Remember the answer to the last message."""

    answer = ""

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send the message and keep the answer."""
        code, answer = super().data(msg)  # type: ignore[misc]
        self.answer = f"{code} {answer.decode(errors='replace')}"
        return code, answer


class _Plain(_Answering, smtplib.SMTP):
    pass


class _Tls(_Answering, smtplib.SMTP_SSL):
    pass


class AnsweringBackend(EmailBackend):
    """The SMTP backend of the settings; ``answer`` is the server's last one."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        """Return the class that speaks SMTP."""
        return _Tls if self.use_ssl else _Plain

    @property
    def answer(self) -> str:
        """What the server said to the last message."""
        return getattr(self.connection, "answer", "")


def answer_of(error: Exception) -> str:
    """Say what an SMTP failure was, on one line."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return f"{code} {text.decode(errors='replace')}"
    if isinstance(error, smtplib.SMTPResponseException):
        said: bytes | str = error.smtp_error
        said = said.decode(errors="replace") if isinstance(said, bytes) else said
        return f"{error.smtp_code} {said}"
    return f"{type(error).__name__}: {error}"


def is_permanent(error: Exception) -> bool:
    """Tell whether the server refused this recipient for good (a 5xx answer)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= code < 600 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and 500 <= error.smtp_code < 600
