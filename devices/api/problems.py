"""Errors as ``application/problem+json`` (RFC 9457) with a stable ``code``."""

import json
import logging
from http import HTTPStatus
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework.exceptions import APIException, MethodNotAllowed

from devices.budget import BudgetError
from devices.codec import BodyError
from devices.database_away import RETRY_S, is_away, note_away

logger = logging.getLogger(__name__)


class Problem(APIException):
    """An error that is ready to be sent."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail, code)
        self.status_code, self.code, self.text = status, code, detail
        self.headers = headers or {}


class ProblemResponse(HttpResponse):
    """A problem document that still knows its code."""

    def __init__(self, content: str, *, code: str, **options: Any) -> None:
        super().__init__(content, **options)
        self.code = code


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    members: dict[str, Any] | None = None,
) -> HttpResponse:
    """Return a problem document; ``members`` are further fields of it."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return ProblemResponse(
        json.dumps(body | (members or {})),
        code=code,
        status=status,
        content_type="application/problem+json",
        headers=headers,
    )


def problem_for(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """Return the problem document for whatever a view raised."""
    if isinstance(error, Problem):
        return problem(error.status_code, error.code, error.text, headers=error.headers)
    if isinstance(error, BodyError):
        status = 413 if error.code == "too_large" else 400
        return problem(status, error.code, error.detail)
    if isinstance(error, BudgetError):
        wait = {"Retry-After": str(error.retry_after_s)}
        return problem(429, "over_budget", str(error), headers=wait)
    if isinstance(error, OperationalError | InterfaceError):
        if is_away(error):
            note_away(error)
        else:
            logger.error("The database failed an upload: %s", error)
        text = "The database is away. Nothing was stored; send it again."
        wait = {"Retry-After": str(RETRY_S)}
        return problem(503, "database_away", text, headers=wait)
    if isinstance(error, MethodNotAllowed):
        return problem(405, "method_not_allowed", str(error.detail))
    if isinstance(error, Http404):
        return problem(404, "not_found", "There is nothing at this address.")
    if isinstance(error, APIException):
        return problem(error.status_code, str(error.default_code), str(error.detail))
    logger.error("An upload failed", exc_info=error)
    return problem(500, "internal", "The server failed. Nothing was stored.")
