"""Uploaded recordings, so that they are found again."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from devices.models import Record
from patients.models import Patient, User

SHOWN = 20


@dataclass(frozen=True)
class Recordings:
    """The recordings of a list, and how many more there are if all are asked for."""

    shown: list[Record]
    left: int


def recordings_of(patient: Patient, request: HttpRequest) -> Recordings:
    """Return a patient's uploaded recordings, the newest first."""
    return _list(patient.records.order_by("-started_at"), request)


def own_uploads(user: User, request: HttpRequest) -> Recordings:
    """Return what ``user`` uploaded last and may still see, the newest first."""
    visible = Q(patient=None) | Q(patient__in=Patient.objects.signal_visible_to(user))
    own = Record.objects.filter(visible, uploaded_by=user)
    return _list(own.order_by("-created_at"), request)


def _list(records: QuerySet[Record], request: HttpRequest) -> Recordings:
    """Take the first of them, or all if ``?recordings=all`` says so."""
    files = records.filter(source=Record.Source.FILE)
    found = files.select_related("patient", "uploaded_by")
    if request.GET.get("recordings") == "all":
        return Recordings(list(found), 0)
    shown = list(found[:SHOWN])
    return Recordings(shown, files.count() - SHOWN if len(shown) == SHOWN else 0)
