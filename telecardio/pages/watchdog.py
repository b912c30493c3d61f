"""The banner over every wall when a part of the platform stands still or lags."""

import hashlib
import logging

from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from devices.database_away import is_away
from patients.models import User
from telecardio.live.rights import WATCHING_ROLES
from telecardio.operations.figures import figures
from telecardio.watchdog import troubles

logger = logging.getLogger(__name__)


@never_cache
@require_GET
def watchdog(request: HttpRequest) -> HttpResponse:
    """Return the banner, or 204 if the page shows just that already.

    A banner that is written anew is read out anew by a screen reader.
    """
    user = request.user
    if not isinstance(user, User) or user.role not in (
        *WATCHING_ROLES,
        User.Role.STAFF,
    ):
        raise Http404
    found = _troubles()
    digest = hashlib.sha256("\n".join(found).encode()).hexdigest()[:12]
    if request.GET.get("seen") == digest:
        return HttpResponse(status=204)
    context = {"troubles": found, "digest": digest}
    return render(request, "_watchdog.html", context)


def _troubles() -> list[str]:
    try:
        return troubles(figures())
    except DatabaseError as error:
        if is_away(error):
            raise
        # A statement that took too long: the parts may stand still or not.
        logger.warning("The figures cannot be read: %s", error)
        return [_("The database is too slow to say whether all is well.")]
