"""The secret by which a device proves who it is."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.fixed_sql import Columns, prepared
from devices.models.device import Device


class DeviceTokenQuerySet(models.QuerySet["DeviceToken"]):
    """Which tokens open the door."""

    def valid_at(self, now: datetime) -> "DeviceTokenQuerySet":
        """Keep tokens that are neither revoked nor expired."""
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=now),
            revoked_at=None,
            device__retired_at=None,
        )


class DeviceToken(models.Model):
    """A token's SHA-256 digest; the token itself is shown once and not kept."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="tokens")
    digest = models.BinaryField(max_length=32, unique=True)
    last4 = models.CharField(_("last four characters"), max_length=4)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    objects = DeviceTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.device} …{self.last4}"


def token_at(digest: bytes, now: datetime) -> DeviceToken | None:
    """Return the token of this digest with its device, if it opens the door now."""
    with prepared(_TOKEN_AT, [digest, now.isoformat()]) as cursor:
        values = cursor.fetchone()
    if values is None:
        return None
    token, rest = _TOKEN.take(values)
    device, _ = _DEVICE.take(rest)
    assert token is not None
    assert device is not None
    token.device = device
    return token


def opens(now: str = "%s::timestamptz") -> str:
    """Return :meth:`DeviceTokenQuerySet.valid_at` as SQL of ``token`` and ``device``.

    ``now`` is the SQL of the time; without it, one parameter.
    """
    return f"""
    token.revoked_at IS NULL AND device.retired_at IS NULL
    AND (token.expires_at IS NULL OR token.expires_at > {now})
    """


_TOKEN, _DEVICE = Columns(DeviceToken), Columns(Device)
_TOKEN_AT = f"""
SELECT {_TOKEN.of("token")}, {_DEVICE.of("device")}
FROM {DeviceToken._meta.db_table} AS token
JOIN {Device._meta.db_table} AS device ON device.id = token.device_id
WHERE token.digest = %b AND {opens()}
"""
