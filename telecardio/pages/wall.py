"""The live wall: many patients' traces on one page."""

from typing import Any

from django.contrib.sessions.models import Session
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from inference.ecg.types import CLASSES, WORDS, Limits
from inference.label_figures import released_figures
from inference.models import PatientLimits
from patients.models import CareTeamMember, Patient, User
from telecardio.live.rights import WATCHING_ROLES
from telecardio.live.stored import epoch_ms


@never_cache
def wall(request: HttpRequest) -> HttpResponse:
    """Show doctors their patients, and a wall screen its ward."""
    user = _watcher(request)
    context = {
        "label_figures": released_figures(),
        "wall_data": {
            "roster": _roster(request, user),
            "roster_url": reverse("wall-patients"),
            "words": class_words(),
            "figures": class_figures(),
            "alarms_url": reverse("open-alarms"),
        },
    }
    return render(request, "wall.html", context)


@never_cache
@require_GET
def wall_patients(request: HttpRequest) -> HttpResponse:
    """Answer an open wall with who is on it now."""
    return JsonResponse(_roster(request, _watcher(request)))


@require_POST
def stay_signed_in(request: HttpRequest) -> HttpResponse:
    """Let the session of an open wall last as long again as from signing in."""
    _watcher(request)
    request.session.modified = True
    return HttpResponse(status=204)


def _watcher(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User) or user.role not in WATCHING_ROLES:
        raise Http404
    return user


def _roster(request: HttpRequest, user: User) -> dict[str, Any]:
    visible = Patient.objects.signal_visible_to(user).select_related("ward", "limits")
    treated = set(
        user.care_team_memberships.filter(
            relation=CareTeamMember.Relation.TREATS
        ).values_list("patient_id", flat=True)
    )
    sessions = Session.objects.filter(session_key=request.session.session_key)
    ends_at = sessions.values_list("expire_date", flat=True).first()
    return {
        "user": user.pk,
        "session_ends_ms": None if ends_at is None else epoch_ms(ends_at),
        "patients": [
            _tile(patient, user, treats=patient.pk in treated) for patient in visible
        ],
    }


def _tile(patient: Patient, user: User, *, treats: bool) -> dict[str, Any]:
    kiosk = user.role == User.Role.KIOSK
    limits = limits_of(patient)
    return {
        "id": patient.pk,
        "code": patient.code,
        # A screen on the ward's wall is read by visitors too.
        "name": patient.initials if kiosk else patient.full_name,
        "ward": patient.ward.name if patient.ward else "",
        "treats": treats,
        "limits": [round(limits.hr_low_bpm), round(limits.hr_high_bpm)],
        "url": None if kiosk else reverse("patient", args=[patient.pk]),
    }


def class_figures() -> list[str]:
    """Return how often each class is right, in the order of its index."""
    figures = released_figures()
    return [figures.beat_words(name) for name in CLASSES]


def class_words() -> list[str]:
    """Return the beat classes in words, in the order of their index."""
    return [_(WORDS[name]) for name in CLASSES]


def limits_of(patient: Patient) -> Limits:
    """Return the patient's own limits, or the defaults."""
    try:
        return patient.limits.as_limits()
    except PatientLimits.DoesNotExist:
        return Limits()
