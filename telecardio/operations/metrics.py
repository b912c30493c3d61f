"""``/metrics``: for Prometheus, by a token; for everybody else there is nothing."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from telecardio.operations.counted import SharedCounts
from telecardio.operations.figures import DatabaseFigures
from telecardio.operations.reporting import reporter


def metrics(request: HttpRequest) -> HttpResponse | None:
    """Return what all processes counted and what the database says.

    None without the token of ``METRICS_TOKEN``, and always while none is set.
    """
    if not _may_read(request):
        return None
    # What this process counted since its last report is told now.
    reporter().report()
    return HttpResponse(
        generate_latest(_registry()), content_type=CONTENT_TYPE_PLAIN_0_0_4
    )


def _may_read(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = settings.METRICS_TOKEN
    return (
        bool(known)
        and scheme.lower() == "bearer"
        and constant_time_compare(token.strip(), known)
    )


@cache
def _registry() -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SharedCounts())
    registry.register(DatabaseFigures())
    return registry
