"""What every view of the device API has in common."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from devices.api.authentication import DeviceTokenAuthentication, IsDevice
from devices.api.body import drain
from devices.api.problems import Problem, problem_for


class _AlwaysJson(BaseContentNegotiation):
    """A device gets JSON, whatever its HTTP library says it accepts."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return next(iter(parsers))

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class DeviceApiView(APIView):
    """A view behind the device's token, with problems for errors."""

    authentication_classes = [DeviceTokenAuthentication]
    permission_classes = [IsDevice]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = _AlwaysJson

    def get_exception_handler(self) -> Any:
        """Answer every error as a problem document."""
        return problem_for

    def handle_exception(self, exc: Exception) -> Any:
        """Answer an error once the client has sent what it was going to send."""
        drain(self.request._request)
        return super().handle_exception(exc)


class UnknownAddressView(DeviceApiView):
    """Nothing is here: a problem document instead of a page."""

    authentication_classes = []
    permission_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse, whatever the method."""
        raise Problem(404, "not_found", "There is nothing at this address.")
