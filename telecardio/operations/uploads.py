"""Uploads go straight to their view: they need no session, page, language or form.

A device knocks every second or two, with a token; what pages need of middleware took
a third of the time of its upload.
"""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, resolve, reverse
from django.utils.decorators import sync_and_async_middleware


@sync_and_async_middleware
def answer_uploads(get_response: Callable[[HttpRequest], Any]) -> Callable[..., Any]:
    """Call the view of the packets; everything else goes on as ever.

    Under ASGI a view runs in a thread, which costs more than is saved here; there
    uploads take the long way too.
    """
    if iscoroutinefunction(get_response):
        return get_response
    known: list[tuple[str, ResolverMatch]] = []

    def middleware(request: HttpRequest) -> HttpResponse:
        # Not before the first request: the addresses import every view.
        if not known:
            address = reverse("packets")
            known.append((address, resolve(address)))
        address, match = known[0]
        if request.path_info != address:
            response: HttpResponse = get_response(request)
            return response
        request.resolver_match = match
        response = match.func(request)
        # Without it the server would send the answer in pieces.
        response.setdefault("Content-Length", str(len(response.content)))
        return response

    return middleware
