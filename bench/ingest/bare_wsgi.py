"""The floor: a plain WSGI application, one INSERT and commit per request."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import psycopg

from bench.ingest.bare_row import INSERT, REPLY, row_of

_HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(REPLY)))]
_kept = threading.local()


def application(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Store the body as a row; answer anything else with 404."""
    if environ["REQUEST_METHOD"] != "POST":
        start_response("404 Not Found", [("Content-Length", "0")])
        return [b""]
    _, record, seq = environ["PATH_INFO"].split("/")
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    _connection().execute(INSERT, row_of(int(record), int(seq), body))
    start_response("200 OK", _HEADERS)
    return [REPLY]


def _connection() -> psycopg.Connection:
    if not hasattr(_kept, "connection"):
        url = os.environ["DATABASE_URL"]
        _kept.connection = psycopg.connect(url, autocommit=True)
    kept: psycopg.Connection = _kept.connection
    return kept
