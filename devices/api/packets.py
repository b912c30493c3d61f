"""``POST /api/v1/packets``: a device uploads what it recorded.

The view of every process; the ingest process takes uploads through
:mod:`devices.api.packets_asgi`, in the same steps.
"""

from time import perf_counter
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request

from devices.api.authentication import UploadTokenAuthentication, token_of
from devices.api.base import DeviceApiView
from devices.api.body import read_body
from devices.api.replies import reply
from devices.api.steps import count, decoder_of, signal_s, store
from devices.budget import spend
from devices.services import Arrival


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
        count(response, took_s=perf_counter() - self.began_s)
        return response

    def post(self, request: Request) -> HttpResponse:
        """Store the packets of the body; reply with a verdict for each."""
        token = token_of(request)
        decode = decoder_of(request.headers)
        body = read_body(request._request, limit=settings.MAX_PACKET_BODY_BYTES)
        decoded = decode(body)
        spend(device_id=token.device_id, signal_s=signal_s(decoded))
        arrival = Arrival(token.device, token, decoded.packets, self.received_at)
        return reply(decoded, store(arrival, decoded.stream), now=timezone.now())
