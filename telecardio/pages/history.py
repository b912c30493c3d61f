"""All alarms and all episodes of a patient, page by page."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from inference.label_figures import released_figures
from patients.access import Right, patient_for_user, rights_of
from patients.models import Patient, User
from telecardio.pages.found_rows import (
    alarm_row,
    alarms_of,
    episodes_of,
    figures_of,
)
from telecardio.pages.patient import log_look

ON_A_PAGE = 100


@never_cache
def alarm_history(request: HttpRequest, pk: int) -> HttpResponse:
    """List all alarms; to staff, who look after devices, the technical ones."""
    user = request.user
    found = patient_for_user(user, pk, right=Right.IDENTITY)
    assert isinstance(user, User)  # The door lets nobody else in.
    if user.role == User.Role.PATIENT:
        # The portal is theirs.
        raise PermissionDenied
    log_look(user, found)
    page = _page(alarms_of(found, rights_of(user, found)), request)
    shown = {"alarm_history": [alarm_row(alarm) for alarm in page]}
    return _answer(request, found, page, _("Alarm history"), shown)


@never_cache
def episode_history(request: HttpRequest, pk: int) -> HttpResponse:
    """List all episodes."""
    found = patient_for_user(request.user, pk, right=Right.IDENTITY | Right.SIGNAL)
    log_look(request.user, found)
    page = _page(episodes_of(found), request)
    shown = {
        "episodes": page,
        "episode_figures": figures_of(list(page)),
        "label_figures": released_figures(),
    }
    return _answer(request, found, page, _("Episodes"), shown)


def _page(rows: QuerySet[Any], request: HttpRequest) -> Page[Any]:
    """Return the page that is asked for, or the nearest there is."""
    return Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))


def _answer(
    request: HttpRequest,
    patient: Patient,
    page: Page[Any],
    title: str,
    shown: dict[str, Any],
) -> HttpResponse:
    context = {"patient": patient, "page": page, "title": title} | shown
    return render(request, "history.html", context)
