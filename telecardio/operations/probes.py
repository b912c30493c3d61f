"""``/healthz`` and ``/readyz``: asked by machines, answered without secrets."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from telecardio.operations.readiness import PARTS, ask_parts


def healthz(request: HttpRequest) -> HttpResponse:
    """Say that the process lives; nothing else is asked."""
    return _told({"status": "alive"}, 200)


def readyz(request: HttpRequest) -> HttpResponse:
    """Say which parts are ready and what to do about the others; 503 if one is not.

    ``?part=postgresql&part=migrations`` asks these only: ingest stores uploads
    without Redis, so a balancer before it should not ask for Redis.
    """
    names = request.GET.getlist("part")
    if unknown := [name for name in names if name not in PARTS]:
        error = f"No part {unknown[0][:40]!r}; there are {', '.join(PARTS)}."
        return _told({"error": error}, 400)
    answers = ask_parts(names)
    ready = not any(answer.todo for answer in answers)
    parts = {
        answer.part: {"ready": False, "todo": answer.todo}
        if answer.todo
        else {"ready": True}
        for answer in answers
    }
    status = "ready" if ready else "not ready"
    return _told({"status": status, "parts": parts}, 200 if ready else 503)


def _told(body: dict[str, object], status: int) -> HttpResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})
