"""A view of Django REST framework with the least that an upload needs.

It reads the token's header, inserts one row, commits and has it appended to one Redis
stream, for which its reply waits as little as the platform's; it looks up no token and
decodes nothing.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.views import APIView

from bench.ingest.bare_row import INSERT, REPLY, row_of
from devices.live_writer import append
from devices.tokens import is_token, token_digest


class BareView(APIView):
    """Store the body as a row."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def post(self, request: Request, record: int, seq: int) -> HttpResponse:
        """Insert, commit, leave the rest to the writer beside the requests."""
        scheme, _, token = request.headers["Authorization"].partition(" ")
        assert scheme == "Bearer"
        assert is_token(token)
        token_digest(token)
        body = request._request.body
        with connection.cursor() as cursor:
            cursor.execute(INSERT, row_of(record, seq, body))
        key = f"{settings.REDIS_PREFIX}bare:{record}"
        append(key, [{"seq": seq, "data": body}])
        # Without a length the server would send the reply in two chunks.
        headers = {"Content-Length": str(len(REPLY))}
        return HttpResponse(REPLY, content_type="application/json", headers=headers)


urlpatterns = [path("<int:record>/<int:seq>", BareView.as_view())]
