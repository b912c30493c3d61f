"""How much whom the web server lets send: recordings are for doctors only."""

from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import parse_cookie
from django.urls import reverse
from django.utils.translation import gettext as _

from patients.models import User
from telecardio.live.rights import user_of_session
from telecardio.operations.body_limit import FORM_BYTES, Refused, told_bytes

# What a multipart body holds besides the file.
_REST_OF_BODY = 1 << 20


async def allowance(scope: dict[str, Any]) -> int:
    """Return how many bytes this request may bring.

    Raises :class:`Refused` for a recording from somebody who may send none.
    """
    told = told_bytes(scope)
    is_small = told is not None and told <= FORM_BYTES
    if is_small or scope["path"] != reverse("upload"):
        return FORM_BYTES
    try:
        user: User | None = await database_sync_to_async(user_of_session)(
            _session_key(scope)
        )
    except (DatabaseError, InterfaceError) as error:
        message = _("The database is away: send the recording again in a minute.")
        raise Refused(503, message) from error
    if user is None or user.role != User.Role.DOCTOR:
        message = _("Sign in as a doctor, then send the recording again.")
        raise Refused(403, message)
    return settings.MAX_RECORD_UPLOAD_BYTES + _REST_OF_BODY


def _session_key(scope: dict[str, Any]) -> str | None:
    cookies = dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
    return parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)
