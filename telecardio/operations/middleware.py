"""First of all middleware: questions of machines, answered before any other check.

They come over plain HTTP and by address (``http://web:8000/readyz``), so the checks of
host, TLS and session would refuse them; and they must be answered while PostgreSQL
is away.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from telecardio.operations.metrics import metrics
from telecardio.operations.probes import healthz, readyz

Answering = Callable[[HttpRequest], HttpResponse | None]
ANSWERS: dict[str, Answering] = {
    "/healthz": healthz,
    "/readyz": readyz,
    "/metrics": metrics,
}


@sync_and_async_middleware
def answer_machines(get_response: Callable[[HttpRequest], Any]) -> Callable[..., Any]:
    """Answer the addresses in ANSWERS; everything else goes on as ever.

    An answer of None goes on too: to a stranger there is nothing at that address.
    """
    if iscoroutinefunction(get_response):
        return _asynchronous(get_response)

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = ANSWERS.get(request.path_info)
        told = answer(request) if answer else None
        return told or get_response(request)

    return middleware


def _asynchronous(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    async def middleware(request: HttpRequest) -> HttpResponse:
        answer = ANSWERS.get(request.path_info)
        told = await _apart(answer, request) if answer else None
        return told or await get_response(request)

    return middleware


async def _apart(answer: Answering, request: HttpRequest) -> HttpResponse | None:
    """Run ``answer`` in a thread of its own, not in the one that serves pages."""

    def run() -> HttpResponse | None:
        try:
            return answer(request)
        finally:
            connections.close_all()

    return await sync_to_async(run, thread_sensitive=False)()
