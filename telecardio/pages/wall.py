"""The live wall: many patients' traces on one page."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from inference.ecg.types import CLASSES, WORDS, Limits
from inference.label_figures import released_figures
from inference.models import PatientLimits
from patients.models import CareTeamMember, Patient, User
from telecardio.live.rights import WATCHING_ROLES


def wall(request: HttpRequest) -> HttpResponse:
    """Show doctors their patients, and a wall screen its ward."""
    user = request.user
    if not isinstance(user, User) or user.role not in WATCHING_ROLES:
        raise Http404
    visible = Patient.objects.signal_visible_to(user).select_related("ward", "limits")
    treated = set(
        user.care_team_memberships.filter(
            relation=CareTeamMember.Relation.TREATS
        ).values_list("patient_id", flat=True)
    )
    tiles = [_tile(patient, user, treats=patient.pk in treated) for patient in visible]
    context = {
        "tiles": tiles,
        "label_figures": released_figures(),
        "wards": sorted({tile["ward"] for tile in tiles if tile["ward"]}),
        "wall_data": {
            "patients": tiles,
            "words": class_words(),
            "figures": class_figures(),
            "alarms_url": reverse("open-alarms"),
        },
    }
    return render(request, "wall.html", context)


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
