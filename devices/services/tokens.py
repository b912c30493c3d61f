"""Issue, rotate and revoke device tokens."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from devices.models import Device, DeviceToken
from devices.tokens import new_token, token_digest

# A device that is offline during the rotation still gets in for a day.
ROTATION_GRACE = timedelta(hours=24)


def issue_token(*, device: Device) -> str:
    """Give the device one more token and return it.

    Only its digest is stored: nobody can read the token again.
    """
    token = new_token()
    DeviceToken.objects.create(
        device=device, digest=token_digest(token), last4=token[-4:]
    )
    return token


@transaction.atomic
def rotate_token(*, device: Device, now: datetime | None = None) -> str:
    """Replace the device's tokens by a new one and return it.

    The old ones open the door for 24 more hours.
    """
    now = now or timezone.now()
    until = now + ROTATION_GRACE
    DeviceToken.objects.valid_at(now).filter(
        Q(expires_at=None) | Q(expires_at__gt=until), device=device
    ).update(expires_at=until)
    return issue_token(device=device)


def revoke_token(*, token: DeviceToken, now: datetime | None = None) -> None:
    """Close the door to one token, at once and for ever."""
    revoked = DeviceToken.objects.filter(pk=token.pk, revoked_at=None)
    revoked.update(revoked_at=now or timezone.now())
    token.refresh_from_db(fields=["revoked_at"])


def revoke_device_tokens(*, device: Device, now: datetime | None = None) -> int:
    """Close the door to every token of a device; return how many there were."""
    alive = DeviceToken.objects.filter(device=device, revoked_at=None)
    return alive.update(revoked_at=now or timezone.now())
