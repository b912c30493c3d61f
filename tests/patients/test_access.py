"""The one door to a patient, as the access table says."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404

from patients.access import Right, patient_for_user, rights_of
from patients.models import CareTeamMember, Patient, User, Ward

READS = Right.IDENTITY | Right.SIGNAL | Right.HISTORY | Right.ALARMS


@pytest.mark.parametrize(
    ("who", "rights"),
    [
        ("alice", READS | Right.ACKNOWLEDGE),
        ("bob", READS),
        ("charlie", Right.NONE),
        ("staff_user", Right.IDENTITY | Right.ENROL),
        ("root", Right.IDENTITY | Right.ENROL),
        ("patient_user", Right.IDENTITY | Right.HISTORY),
        ("kiosk", Right.SIGNAL | Right.ALARMS),
    ],
)
def test_it_gives_each_role_its_rights(
    who: str, rights: Right, patient: Patient, request: pytest.FixtureRequest
) -> None:
    user: User = request.getfixturevalue(who)
    patient.refresh_from_db()
    assert rights_of(user, patient) == rights
    for right in Right:
        if right in rights:
            assert patient_for_user(user, patient.pk, right=right) == patient
        else:
            with pytest.raises((Http404, PermissionDenied)):
                patient_for_user(user, patient.pk, right=right)


def test_it_answers_a_stranger_as_for_a_patient_who_does_not_exist(
    patient: Patient, charlie: User
) -> None:
    answers = []
    for pk in (patient.pk, patient.pk + 1000):
        with pytest.raises(Http404) as caught:
            patient_for_user(charlie, pk, right=Right.IDENTITY)
        answers.append(str(caught.value))
    assert answers[0] == answers[1]


def test_it_tells_a_reader_that_acknowledging_is_not_allowed(
    patient: Patient, bob: User
) -> None:
    with pytest.raises(PermissionDenied):
        patient_for_user(bob, patient.pk, right=Right.IDENTITY | Right.ACKNOWLEDGE)


def test_it_gives_anonymous_people_nothing(patient: Patient) -> None:
    assert rights_of(AnonymousUser(), patient) == Right.NONE
    with pytest.raises(Http404):
        patient_for_user(AnonymousUser(), patient.pk, right=Right.IDENTITY)


def test_it_gives_a_patient_only_their_own_data(
    patient_user: User, other_patient: Patient
) -> None:
    assert rights_of(patient_user, other_patient) == Right.NONE


def test_it_gives_a_wall_screen_only_its_ward(kiosk: User, patient: Patient) -> None:
    patient.ward = Ward.objects.create(name="Surgery")
    patient.save()
    assert rights_of(kiosk, patient) == Right.NONE
    kiosk.ward = None
    kiosk.save()
    patient.ward = None
    patient.save()
    assert rights_of(kiosk, patient) == Right.NONE


def _close(user: User, patient: Patient) -> None:
    user.is_active = False
    user.save()


def _leave(user: User, patient: Patient) -> None:
    CareTeamMember.objects.filter(user=user, patient=patient).delete()


def _become_patient(user: User, patient: Patient) -> None:
    user.role = User.Role.PATIENT
    user.save()


@pytest.mark.parametrize("end", [_close, _leave, _become_patient])
def test_it_closes_the_door_at_once(
    end: Callable[[User, Patient], None], alice: User, patient: Patient
) -> None:
    end(alice, patient)
    with pytest.raises(Http404):
        patient_for_user(alice, patient.pk, right=Right.SIGNAL)
