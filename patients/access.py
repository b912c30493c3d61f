"""The one door to a patient."""

import enum
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _

from patients.models import CareTeamMember, Patient, User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class Right(enum.Flag):
    """What somebody may do with one patient; rights add up with ``|``."""

    NONE = 0
    # Full name, birth date, indication, drugs. A wall screen shows initials and code.
    IDENTITY = enum.auto()
    # The signal and what the machine says about each beat.
    SIGNAL = enum.auto()
    # The signal and the heart rate of the past, without the machine's labels.
    HISTORY = enum.auto()
    ALARMS = enum.auto()
    # Acknowledge alarms, set limits, review.
    ACKNOWLEDGE = enum.auto()
    # Devices, assignments, care team.
    ENROL = enum.auto()


_READS = Right.IDENTITY | Right.SIGNAL | Right.HISTORY | Right.ALARMS
RIGHTS_OF_RELATION = {
    CareTeamMember.Relation.READS: _READS,
    CareTeamMember.Relation.TREATS: _READS | Right.ACKNOWLEDGE,
}
RIGHTS_OF_ROLE = {
    User.Role.STAFF: Right.IDENTITY | Right.ENROL,
    User.Role.PATIENT: Right.IDENTITY | Right.HISTORY,
    User.Role.KIOSK: Right.SIGNAL | Right.ALARMS,
}


def rights_of(user: "User | AnonymousUser", patient: Patient) -> Right:
    """Return every right ``user`` has over ``patient``; none for a stranger."""
    if not isinstance(user, User):
        return Right.NONE
    if not Patient.objects.visible_to(user).filter(pk=patient.pk).exists():
        return Right.NONE
    if user.role != User.Role.DOCTOR:
        return RIGHTS_OF_ROLE[User.Role(user.role)]
    member = patient.care_team.filter(user=user).first()
    if member is None:
        return Right.NONE
    return RIGHTS_OF_RELATION[CareTeamMember.Relation(member.relation)]


def patient_for_user(user: "User | AnonymousUser", pk: int, *, right: Right) -> Patient:
    """Return the patient, if ``user`` has every right asked for.

    A stranger gets 404, just as for a patient who does not exist. Who may know of
    the patient, but not do this, gets 403.
    """
    patient = (
        Patient.objects.visible_to(user).filter(pk=pk).select_related("ward").first()
    )
    if patient is None:
        raise Http404(_("No such patient."))
    if right not in rights_of(user, patient):
        raise PermissionDenied
    return patient
