"""First of all middleware: questions of machines, answered before any other check.

They come over plain HTTP and by address (``http://web:8000/readyz``), so the checks of
host, TLS and session would refuse them; and they must be answered while PostgreSQL
is away.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from telecardio.operations.metrics import metrics
from telecardio.operations.probes import healthz, readyz

Answering = Callable[[HttpRequest], HttpResponse | None]
ANSWERS: dict[str, Answering] = {
    "/healthz": healthz,
    "/readyz": readyz,
    "/metrics": metrics,
}


def answer_machines(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer the addresses in ANSWERS; everything else goes on as ever.

    An answer of None goes on too: to a stranger there is nothing at that address.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = ANSWERS.get(request.path_info)
        told = answer(request) if answer else None
        return told or get_response(request)

    return middleware
