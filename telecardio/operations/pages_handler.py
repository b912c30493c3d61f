"""Django under ASGI, each request in one thread from the first middleware to the view.

Django's own handler goes back to the event loop before and after each middleware, some
twenty times per request: all of ours and all views are synchronous. With 200 open pages
that was most of what the web process did, and their live traces waited for it.
"""

import asyncio

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from telecardio.operations.middleware import ANSWERS
from telecardio.postgresql.kept import MOST_IDLE

# So many have a connection to PostgreSQL at most, which then goes to the next; the
# interpreter runs one of them at a time anyway.
AT_ONCE = MOST_IDLE


class PagesHandler(ASGIHandler):
    """Answers so many requests at once; the others wait for their turn."""

    def __init__(self) -> None:
        super().__init__()
        self._turns = asyncio.Semaphore(AT_ONCE)

    def load_middleware(self, is_async: bool = False) -> None:
        """Chain all middleware as under WSGI."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer in the request's thread."""
        answer = ANSWERS.get(request.path_info)
        # Whoever asks how we are must hear it while all turns are taken.
        if answer and (told := await sync_to_async(answer)(request)):
            return told
        async with self._turns:
            work = asyncio.ensure_future(sync_to_async(self._respond)(request))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                # The client has gone, but the thread has not, nor its connection.
                await asyncio.wait([work])
                raise

    def _respond(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = self.get_response(request)
        if not response.streaming:
            # The next one may have the connection before this answer is sent.
            close_old_connections()
        return response
