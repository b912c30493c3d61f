"""One patient: who it is, the live strip, alarms and recent episodes."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from devices.models import Assignment
from inference.label_figures import released_figures
from patients.access import Right, patient_for_user, rights_of
from patients.models import Patient, User
from patients.services import log_access
from telecardio.pages.found_rows import (
    alarm_row,
    alarms_of,
    episodes_of,
    figures_of,
)
from telecardio.pages.recordings import recordings_of
from telecardio.pages.wall import class_figures, class_words, limits_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

EPISODES_SHOWN = 20
ALARMS_SHOWN = 30


@never_cache
def patient(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a patient's page to whoever may know the patient; strangers get 404."""
    user = request.user
    found = patient_for_user(user, pk, right=Right.IDENTITY)
    assert isinstance(user, User)  # The door lets nobody else in.
    if user.role == User.Role.PATIENT:
        return redirect("portal")
    now = timezone.now()
    log_look(user, found)
    rights = rights_of(user, found)
    limits = limits_of(found)
    context = {
        "patient": found,
        "age": found.age_years(now=now),
        "limits": limits,
        "assignment": Assignment.objects.covering(now)
        .filter(patient=found)
        .select_related("device")
        .first(),
        "team": found.care_team.select_related("user"),
        "shows_signal": Right.SIGNAL in rights,
        "recordings": recordings_of(found, request) if Right.SIGNAL in rights else None,
        "label_figures": released_figures(),
        "live_data": {
            "id": found.pk,
            "words": class_words(),
            "figures": class_figures(),
            "limits": [round(limits.hr_low_bpm), round(limits.hr_high_bpm)],
            "time_zone": found.time_zone,
            "alarms_url": reverse("open-alarms"),
        },
    } | _found(found, rights)
    return render(request, "patient.html", context)


@never_cache
def patient_alarms(request: HttpRequest, pk: int, *, trouble: str = "") -> HttpResponse:
    """Return the alarms and episodes for the page that is open.

    204 if it shows just these already: what is written anew loses what somebody has
    marked or scrolled to.
    """
    found = patient_for_user(request.user, pk, right=Right.IDENTITY | Right.ALARMS)
    log_look(request.user, found)
    rights = rights_of(request.user, found)
    shown = _found(found, rights)
    if not trouble and request.GET.get("seen") == shown["alarms_digest"]:
        return HttpResponse(status=204)
    if trouble:
        # The next poll brings the same without it.
        shown["alarms_digest"] = ""
    context = {"patient": found, "trouble": trouble} | shown
    return render(request, "_patient_alarms.html", context)


def log_look(user: "User | AnonymousUser", found: Patient) -> None:
    """Write down a look at the page, or at a part that an open page asks for."""
    assert isinstance(user, User)  # The door lets nobody else in.
    log_access(user=user, patient=found, action="patient page", now=timezone.now())


def _found(found: Patient, rights: Right) -> dict[str, Any]:
    alarms = alarms_of(found, rights)
    shows = Right.SIGNAL in rights
    newest = list(episodes_of(found)[: EPISODES_SHOWN + 1]) if shows else []
    episodes = newest[:EPISODES_SHOWN]
    figures = figures_of(episodes)
    still_open = list(alarms.open().worst_first())
    raised = list(alarms[: ALARMS_SHOWN + 1])
    history = raised[:ALARMS_SHOWN]
    return {
        "alarms_digest": _digest(
            [rights.value, found.time_zone], [*still_open, *history, *episodes]
        ),
        "open_alarms": [alarm_row(alarm) for alarm in still_open],
        "alarm_history": [alarm_row(alarm) for alarm in history],
        "alarms_left": len(raised) > len(history),
        "episodes": episodes,
        "episodes_left": len(newest) > len(episodes),
        "episode_figures": figures,
        "figures_digest": _digest(figures, []),
        "label_figures": released_figures(),
        "shows_episodes": shows,
        "may_acknowledge": Right.ACKNOWLEDGE in rights,
    }


def _digest(facts: Sequence[object], rows: Iterable[Model]) -> str:
    values = [
        [getattr(row, field.attname) for field in row._meta.concrete_fields]
        for row in rows
    ]
    return hashlib.sha256(repr([facts, values]).encode()).hexdigest()[:12]
