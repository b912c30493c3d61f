"""Tell a device what to do."""

from django.db import transaction
from django.db.models import F

from devices.models import Device


@transaction.atomic
def configure_device(
    *, device: Device, fs: int, upload_interval_s: float, notch_hz: int
) -> Device:
    """Change what the device is told; a change raises the version it polls for."""
    wanted = {"fs": fs, "upload_interval_s": upload_interval_s, "notch_hz": notch_hz}
    same = Device.objects.filter(pk=device.pk, **wanted).exists()
    if not same:
        Device.objects.filter(pk=device.pk).update(
            config_version=F("config_version") + 1, **wanted
        )
    device.refresh_from_db()
    return device
