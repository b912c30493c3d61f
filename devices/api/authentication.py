"""Let a device in by its token."""

from typing import cast

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from devices.api.problems import Problem
from devices.api.trusted_tokens import trusted_tokens
from devices.log_context import note_for_log
from devices.models import Device, DeviceToken, token_at
from devices.tokens import is_token, token_digest

_REALM = 'Bearer realm="telecardio"'


class DeviceTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer tcd_…``, looked up anew by its digest every time.

    So a revocation holds from the next request on, in every process. All refusals
    of a token look the same from outside.
    """

    def authenticate(self, request: Request) -> tuple[Device, DeviceToken]:
        """Return the device and its token as user and auth of the request."""
        row = self.look_up(digest_of(request.headers.get("Authorization", "")))
        note_for_log(device_id=row.device.serial)
        return row.device, row

    def look_up(self, digest: bytes) -> DeviceToken:
        """Return the token of this digest, with its device, if it is valid now."""
        row = token_at(digest, timezone.now())
        if row is None:
            raise invalid_token()
        return row


class UploadTokenAuthentication(DeviceTokenAuthentication):
    """For a view that looks at the token again as it stores (:class:`TokenClosed`)."""

    def look_up(self, digest: bytes) -> DeviceToken:
        """Return the token, from memory if it was looked at a moment ago."""
        row = trusted_tokens.find(digest)
        if row is None:
            row = super().look_up(digest)
            trusted_tokens.keep(row)
        return row


def digest_of(authorization: str) -> bytes:
    """Return the digest of the token in the header, or a problem 401."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        text = "Send the device's token: Authorization: Bearer tcd_…"
        raise Problem(401, "no_token", text, headers={"WWW-Authenticate": _REALM})
    if not is_token(token.strip()):
        raise invalid_token()
    return token_digest(token.strip())


def invalid_token() -> Problem:
    """Return the refusal of a token."""
    challenge = f'{_REALM}, error="invalid_token"'
    text = "This token is unknown, expired or revoked. Pair the device again."
    headers = {"WWW-Authenticate": challenge}
    return Problem(401, "invalid_token", text, headers=headers)


def token_of(request: Request) -> DeviceToken:
    """Return the token that opened the door."""
    return cast(DeviceToken, request.auth)


def device_of(request: Request) -> Device:
    """Return the device whose token opened the door."""
    return cast(Device, request.user)


class IsDevice(BasePermission):
    """Only a device, never a person's session."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether a token opened the door."""
        return isinstance(request.auth, DeviceToken)
