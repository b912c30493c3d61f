"""What a page answers when the server fails: 503 while the database is away, or 500."""

import sys

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views import defaults

from devices.database_away import RETRY_S, is_away, note_away


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer for an exception that nobody caught, without a question to anybody.

    Whether a view, a session or a middleware raised it: Django calls this for all.
    """
    error = sys.exc_info()[1]
    if error is None or not is_away(error):
        return defaults.server_error(request)
    note_away(error)
    response = _away(request)
    response.status_code = 503
    response["Retry-After"] = str(RETRY_S)
    response["Cache-Control"] = "no-store"
    # Or Django would write a traceback per request, all of them the same.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _away(request: HttpRequest) -> HttpResponse:
    words = _("The database is away, try again in a moment.")
    # The middleware that knows htmx may not have been reached.
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(words, content_type="text/plain; charset=utf-8")
    known = ["text/html", "application/json"]
    if request.get_preferred_type(known) == "application/json":
        return JsonResponse({"code": "database_away", "detail": words})
    # Only what was asked for, never what was sent, is asked for again by itself.
    again_s = RETRY_S if request.method in ("GET", "HEAD") else None
    return HttpResponse(render_to_string("503.html", {"again_s": again_s}))
