"""Uploaded recordings, so that they are found again."""

from django.db.models import Q, QuerySet

from devices.models import Record
from patients.models import Patient, User

SHOWN = 20


def recordings_of(patient: Patient) -> QuerySet[Record]:
    """Return a patient's uploaded recordings, the newest first."""
    files = patient.records.filter(source=Record.Source.FILE).select_related(
        "patient", "uploaded_by"
    )
    return files.order_by("-started_at")[:SHOWN]


def own_uploads(user: User) -> QuerySet[Record]:
    """Return what ``user`` uploaded last and may still see, the newest first."""
    visible = Q(patient=None) | Q(patient__in=Patient.objects.signal_visible_to(user))
    files = Record.objects.filter(
        visible, source=Record.Source.FILE, uploaded_by=user
    ).select_related("patient", "uploaded_by")
    return files.order_by("-created_at")[:SHOWN]
