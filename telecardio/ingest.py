"""The ASGI application of the ingest process: uploads first, then the rest of the API.

An upload needs no session, page, language or form, and what these need of middleware
costs more than storing it. All else goes to Django, as in the web process.
"""

import gc
import os
import random
from collections.abc import Mapping
from typing import Any

import django
from django.conf import settings

from telecardio.servers import ensure_servers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telecardio.settings")
if not settings.configured:
    # Under ASGI every request has a thread of its own.
    os.environ.setdefault("SHARE_CONNECTIONS", "true")
ensure_servers()
django.setup(set_prefix=False)

# These import models, so the applications must be loaded first.
from django.http import HttpResponse  # noqa: E402
from django.urls import reverse  # noqa: E402

from devices.api.packets_asgi import Uploads  # noqa: E402
from devices.live_writer import start_live_writer  # noqa: E402
from devices.log_context import log_context  # noqa: E402
from inference.models.life_sign import Part  # noqa: E402
from telecardio.operations.body_limit import BodyLimit  # noqa: E402
from telecardio.operations.ending import (  # noqa: E402
    Receive,
    Send,
    answer_lifespan,
    at_end,
)
from telecardio.operations.orphans import end_with_parent  # noqa: E402
from telecardio.operations.pages_handler import PagesHandler  # noqa: E402
from telecardio.operations.reporting import start_reporting  # noqa: E402
from telecardio.operations.request_id import HEADER, request_id_of  # noqa: E402

start_reporting(part=Part.INGEST)
end_with_parent()
at_end(start_live_writer().send_waiting)

_pages = BodyLimit(PagesHandler())
_address = reverse("packets")
_uploads = Uploads()
# Connections last for days. One in so many answers ends its own, so that a process that
# was started again gets its part of them.
ANSWERS_PER_CONNECTION = 300
# All this stays for good: not to be looked through at each full collection.
gc.collect()
gc.freeze()


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer an upload; pass on whatever else is asked."""
    if scope["type"] == "lifespan":
        await answer_lifespan(receive, send)
        return
    is_upload = (
        scope["type"] == "http"
        and scope["path"] == _address
        and scope["method"] == "POST"
    )
    if not is_upload:
        await _pages(scope, receive, send)
        return
    headers = _Headers(scope["headers"])
    request_id = request_id_of(headers.get(HEADER, ""))
    with log_context(request_id=request_id):
        response = await _uploads.answer(headers, receive)
    response[HEADER] = request_id
    if random.random() * ANSWERS_PER_CONNECTION < 1:  # noqa: S311
        response["Connection"] = "close"
    await _send(response, send)


class _Headers(Mapping[str, str]):
    """The headers of a request, asked for in any case."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._values = {name: value.decode("latin-1") for name, value in raw}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower().encode("latin-1")]

    def __iter__(self) -> Any:
        return (name.decode("latin-1") for name in self._values)

    def __len__(self) -> int:
        return len(self._values)


async def _send(response: HttpResponse, send: Send) -> None:
    response.setdefault("Content-Length", str(len(response.content)))
    raw = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.items()
    ]
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": raw,
        }
    )
    await send({"type": "http.response.body", "body": response.content})
