"""``POST /api/v1/packets``: a device uploads what it recorded."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request

from devices.api.authentication import (
    UploadTokenAuthentication,
    device_of,
    invalid_token,
    token_of,
)
from devices.api.base import DeviceApiView
from devices.api.body import read_body
from devices.api.problems import Problem
from devices.api.replies import reply
from devices.api.trusted_tokens import trusted_tokens
from devices.budget import spend
from devices.codec import BINARY_TYPE, DECODERS, JSON_TYPE, Decoded, Packet
from devices.metrics import UPLOAD_SECONDS, UPLOADS
from devices.models import Device, DeviceToken
from devices.services import StoreResult, TokenClosed, read_progress, store_packets

# The least a packet costs of the device's budget, in seconds of signal.
_LEAST_S = 0.1


class PacketsView(DeviceApiView):
    """Decode, store, acknowledge: in this order."""

    http_method_names = ["post"]
    authentication_classes = [UploadTokenAuthentication]

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Take the time of receipt before anything else is done."""
        self.received_at, self.began_s = timezone.now(), perf_counter()
        super().setup(request, *args, **kwargs)

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Answer as every view does, and count what was answered."""
        response = super().dispatch(request, *args, **kwargs)
        UPLOADS.labels(response.status_code, getattr(response, "code", "")).inc()
        UPLOAD_SECONDS.observe(perf_counter() - self.began_s)
        return response

    def post(self, request: Request) -> HttpResponse:
        """Store the packets of the body; reply with a verdict for each."""
        device = device_of(request)
        decode = _decoder(request)
        body = read_body(request._request, limit=settings.MAX_PACKET_BODY_BYTES)
        decoded = decode(body)
        spend(device_id=device.pk, signal_s=_signal_s(decoded))
        stored = self._store(device, token_of(request), decoded.packets)
        if stored.record is None:
            progress = read_progress(device=device, stream=decoded.stream)
        else:
            progress = stored
        return reply(
            decoded,
            stored.verdicts,
            next_seq=progress.next_seq,
            missing=progress.missing,
            config=(stored.device or device).config_version,
            now=timezone.now(),
        )

    def _store(
        self, device: Device, token: DeviceToken, packets: list[Packet]
    ) -> StoreResult:
        try:
            stored = store_packets(
                device=device,
                token=token,
                packets=packets,
                received_at=self.received_at,
            )
        except TokenClosed:
            trusted_tokens.drop(token)
            raise invalid_token() from None
        trusted_tokens.keep(token)
        return stored


def _decoder(request: Request) -> Callable[[bytes], Decoded]:
    """Return what decodes the body's type, or refuse the type."""
    kind, _, parameters = request.headers.get("Content-Type", "").partition(";")
    kind = kind.strip().lower()
    charset = parameters.replace(" ", "").replace('"', "").lower()
    in_utf8 = charset in ("", "charset=utf-8")
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if kind in DECODERS and in_utf8 and encoding == "identity":
        return DECODERS[kind]
    text = f"This server takes {JSON_TYPE} in UTF-8 and {BINARY_TYPE}, not compressed."
    headers = {"Accept-Post": ", ".join(DECODERS)}
    raise Problem(415, "unsupported_type", text, headers=headers)


def _signal_s(decoded: Decoded) -> float:
    return sum(
        max(item.duration_s if isinstance(item, Packet) else 0.0, _LEAST_S)
        for item in decoded.items
    )
