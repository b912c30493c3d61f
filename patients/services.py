"""Writes about people."""

from datetime import datetime, timedelta

from django.db import transaction

from patients.models import AccessLog, Patient, User

# A page that stays open asks again and again; that is one look.
ONE_LOOK = timedelta(minutes=10)


def log_access(*, user: User, patient: Patient, action: str, now: datetime) -> None:
    """Write down that ``user`` looked at ``patient``, once per ten minutes.

    ``action`` is a short word such as ``patient page`` or ``strip``.
    """
    looks = AccessLog.objects.filter(
        user=user, patient=patient, action=action, at__gt=now - ONE_LOOK, at__lte=now
    )
    if looks.exists():
        return
    with transaction.atomic():
        # Requests of one page arrive side by side: the lock lets one row through.
        Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
        if not looks.all().exists():
            AccessLog.objects.create(user=user, patient=patient, action=action, at=now)
