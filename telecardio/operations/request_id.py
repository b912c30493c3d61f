"""Every request has an id: in the lines of the log, and in the answer."""

import random
import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from devices.log_context import log_context

HEADER = "X-Request-ID"
# Ids of proxies and of other systems; whatever else comes is not worth a line.
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
# An id is no secret; to ask the kernel for each takes a twentieth of an upload.
_ids = random.Random()


def identify_request(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Take the id that a proxy gave, if it is sane, or make one; answer with it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request_id = _id_of(request)
        with log_context(request_id=request_id):
            response = get_response(request)
        response[HEADER] = request_id
        return response

    return middleware


def request_id_of(given: str) -> str:
    """Return what the proxy gave, if it is sane, or a new id."""
    return given if _SANE.fullmatch(given) else f"{_ids.getrandbits(128):032x}"


def _id_of(request: HttpRequest) -> str:
    return request_id_of(request.META.get("HTTP_X_REQUEST_ID", ""))
