"""``GET /api/v1/device``: what a device may know of itself."""

import hashlib
import json

from django.http import HttpResponse
from django.utils import timezone
from django.utils.http import parse_etags
from rest_framework.request import Request

from devices.api.authentication import device_of
from devices.api.base import DeviceApiView
from devices.models import Device


class DeviceView(DeviceApiView):
    """Name, config and the initials of the patient, with an ETag."""

    http_method_names = ["get", "head"]

    def get(self, request: Request) -> HttpResponse:
        """Return the document, or 304 if the device has it already."""
        body = json.dumps(_document(device_of(request)))
        etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:16]}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        known = parse_etags(request.headers.get("If-None-Match", ""))
        if "*" in known or etag in [tag.removeprefix("W/") for tag in known]:
            return HttpResponse(status=304, headers=headers)
        return HttpResponse(body, content_type="application/json", headers=headers)


def _document(device: Device) -> dict[str, object]:
    worn = device.assignments.covering(timezone.now()).select_related("patient").first()
    return {
        "serial": device.serial,
        "name": device.name,
        "config": {
            "version": device.config_version,
            "fs": device.fs,
            "upload_interval_s": device.upload_interval_s,
            "notch_hz": device.notch_hz,
        },
        "patient": {"initials": worn.patient.initials} if worn else None,
    }
