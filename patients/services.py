"""Writes about people."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.auth.password_validation import (
    MinimumLengthValidator,
    get_default_password_validators,
    validate_password,
)
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction

from patients.models import AccessLog, Patient, User

# A page that stays open asks again and again; that is one look.
ONE_LOOK = timedelta(minutes=10)

ADMIN_PASSWORD_LENGTH = 12
# Any number that nobody else locks.
_FIRST_ADMIN_LOCK = 0x7C_AD01


class FirstAdminError(ValueError):
    """The first administrator cannot be made like this; says what to change."""


def log_access(*, user: User, patient: Patient, action: str, now: datetime) -> None:
    """Write down that ``user`` looked at ``patient``, once per ten minutes.

    ``action`` is a short word such as ``patient page`` or ``recording``.
    """
    log_accesses(user=user, patient_ids=[patient.pk], action=action, now=now)


def log_accesses(
    *, user: User, patient_ids: Collection[int], action: str, now: datetime
) -> None:
    """Write down the same look at several patients, as :func:`log_access` does."""
    looks = AccessLog.objects.filter(
        user=user, action=action, at__gt=now - ONE_LOOK, at__lte=now
    )

    def unseen(among: Collection[int]) -> set[int]:
        seen = looks.filter(patient_id__in=among).values_list("patient_id", flat=True)
        return set(among) - set(seen)

    new = unseen(patient_ids)
    if not new:
        return
    with transaction.atomic():
        # Requests of one page arrive side by side: the lock lets one row through. Not
        # the patients': workers hold those while they store a batch.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        there = Patient.objects.filter(pk__in=unseen(new)).values_list("pk", flat=True)
        rows = [
            AccessLog(user=user, patient_id=pk, action=action, at=now)
            for pk in sorted(there)
        ]
        AccessLog.objects.bulk_create(rows)


def has_admin() -> bool:
    """Tell whether somebody may do everything."""
    return User.objects.filter(is_superuser=True, is_active=True).exists()


def create_first_admin(*, email: str, password: str) -> User | None:
    """Make the first administrator; None, and nothing is changed, if there is one.

    Of several callers at once one makes it. Raises :class:`FirstAdminError` for an
    address that is none or has an account, and for a password that is easily guessed.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_FIRST_ADMIN_LOCK])
        if has_admin():
            return None
        try:
            validate_email(email)
            validators = [
                *get_default_password_validators(),
                MinimumLengthValidator(ADMIN_PASSWORD_LENGTH),
            ]
            validate_password(password, User(email=email), validators)
        except ValidationError as error:
            raise FirstAdminError(" ".join(error.messages)) from error
        if User.objects.filter(email__iexact=email).exists():
            message = (
                f"{email} has an account already, which is no administrator's. "
                "Give another address."
            )
            raise FirstAdminError(message)
        return User.objects.create_superuser(email, password)
