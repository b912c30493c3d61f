"""An uploaded recording: trace, labels, episodes, summary and suggestion."""

import math
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from inference.label_figures import released_figures
from inference.report import clock
from inference.services.versions import annotators_of
from patients.models import User
from telecardio.pages.record_access import record_for_request
from telecardio.pages.record_correction import corrections_for
from telecardio.pages.record_overview import overview_of
from telecardio.pages.record_summary import found_in, progress_of
from telecardio.pages.record_window import MAX_WINDOW_S, WINDOW_S, window_of


@require_safe
@never_cache
def record(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the recording; ``?start=`` in seconds says which part of the trace.

    ``?annotator=`` asks for what another version of the analysis said.
    """
    found_record = record_for_request(request, pk)
    progress = progress_of(found_record)
    duration_s = found_record.end_sample / found_record.fs
    annotators = annotators_of(found_record)
    annotator = _annotator(request, annotators)
    context = {
        "record": found_record,
        "progress": progress,
        "found": found_in(
            found_record,
            analysed_sample=progress.analysed_sample,
            annotator=annotator,
        ),
        "annotators": annotators if len(annotators) > 1 else [],
        "annotator": annotator or "",
        "duration": clock(duration_s),
        "duration_s": duration_s,
        "start_s": _number(request, "start", 0.0),
        "window_s": _window_s(request, duration_s),
        "windows": _windows(duration_s),
        "most_s": MAX_WINDOW_S,
        "label_figures": released_figures(),
    }
    assert isinstance(request.user, User)  # The door lets nobody else in.
    context |= corrections_for(request.user, found_record, now=timezone.now())
    return render(request, "record.html", context)


@require_safe
@never_cache
def record_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Return only the progress; once it is done, make the page load anew."""
    found_record = record_for_request(request, pk)
    progress = progress_of(found_record)
    context = {"record": found_record, "progress": progress}
    response = render(request, "_record_progress.html", context)
    if progress.done:
        response["HX-Refresh"] = "true"
    return response


@require_safe
@never_cache
def record_window(request: HttpRequest, pk: int) -> HttpResponse:
    """Return one window of signal and labels as JSON; of a long one, its outline."""
    found_record = record_for_request(request, pk)
    seconds = _number(request, "seconds", WINDOW_S)
    answer = window_of if seconds <= MAX_WINDOW_S else overview_of
    window = answer(
        found_record,
        start_s=_number(request, "start", 0.0),
        seconds=max(seconds, 0.1),
        annotator=_annotator(request, annotators_of(found_record)),
    )
    return JsonResponse(window)


# Windows to choose from, in seconds; longer ones than MAX_WINDOW_S are outlines.
_WINDOWS = (
    (WINDOW_S, _("10 s")),
    (MAX_WINDOW_S, _("30 s")),
    (300, _("5 min")),
    (3600, _("1 h")),
    (24 * 3600, _("1 day")),
)


def _windows(duration_s: float) -> list[tuple[float, Any]]:
    """Return seconds and words of the windows that are shorter than the recording."""
    shorter: list[tuple[float, Any]] = [
        (seconds, words) for seconds, words in _WINDOWS if seconds < duration_s
    ]
    whole = (max(math.ceil(duration_s), WINDOW_S), _("all"))
    return [*shorter, whole]


def _window_s(request: HttpRequest, duration_s: float) -> float:
    """Return the window that is asked for, if it is one of those to choose from."""
    choice = [seconds for seconds, _words in _windows(duration_s)]
    asked = _number(request, "seconds", WINDOW_S)
    return next((seconds for seconds in choice if seconds == asked), choice[0])


def _annotator(request: HttpRequest, annotators: list[tuple[str, bool]]) -> str | None:
    """Return the annotator that is asked for, None for what is shown."""
    name = request.GET.get("annotator")
    return name if name in {known for known, _ in annotators} else None


def _number(request: HttpRequest, name: str, default: float) -> float:
    """Return a query value; an address that somebody typed is never an error."""
    try:
        value = float(request.GET.get(name, default))
    except ValueError:
        return default
    return min(max(value, 0.0), 1e9) if math.isfinite(value) else default
