"""The lines of the log: for people, or one JSON object each; never a secret in them."""

import json
import logging
import re
from datetime import UTC, datetime

from devices.log_context import log_fields

# A row that PostgreSQL shows may hold a patient's samples, so nothing of it stays.
_SECRETS = (
    (re.compile(r"tcd_[\w-]{8,}"), "tcd_[hidden]"),
    (re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+"), r"\1[hidden]"),
    (re.compile(r"(\w://[^:/@\s]*):[^@/\s]+@"), r"\1:[hidden]@"),
    (
        re.compile(r"(?i)((?:password|secret)[\"']?\s*[=:]\s*[\"']?)[^\s\"',;)}]+"),
        r"\1[hidden]",
    ),
    (re.compile(r"(Failing row contains ).*"), r"\1[hidden]"),
)


def hide_secrets(text: str) -> str:
    """Return the text without tokens, passwords and rows of the database."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class PlainLines(logging.Formatter):
    """One line for people: time, level, logger, message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the line; of warnings and worse with what the work is known by."""
        line, fields = super().formatMessage(record), log_fields()
        if record.levelno < logging.WARNING or not fields:
            return line
        known = " ".join(f"{name}={value}" for name, value in fields.items())
        return f"{line} [{known}]"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line and, below it, the traceback if there is one."""
        return hide_secrets(super().format(record))


class JsonLines(logging.Formatter):
    """One object: time, level, logger, message, and what the work is known by.

    What code passes as ``extra`` is left out: Django passes whole requests.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the object on one line; a traceback stands in ``error``."""
        at = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": hide_secrets(record.getMessage()),
        } | log_fields()
        if record.exc_info:
            line["error"] = hide_secrets(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
