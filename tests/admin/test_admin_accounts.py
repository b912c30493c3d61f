"""Accounts and patients in the administration."""

import re

import pytest
from django.core.cache import cache
from django.test import Client

from inference.models import PatientLimits
from patients.models import CareTeamMember, Patient, User, Ward
from patients.throttle import MAX_TRIES

SECRET = "a long and winding road"  # noqa: S105


@pytest.fixture
def staff(client: Client, staff_user: User) -> Client:
    client.force_login(staff_user)
    return client


def _new_account(**data: object) -> dict[str, object]:
    return {"password1": SECRET, "password2": SECRET, "usable_password": "true"} | data


@pytest.mark.parametrize("role", ["doctor", "staff", "patient"])
def test_it_makes_accounts_that_can_sign_in(staff: Client, role: str) -> None:
    data = _new_account(email="New.One@example.org", role=role)
    response = staff.post("/admin/patients/user/add/", data)
    assert response.status_code == 302, response.context["errors"]
    user = User.objects.get(email="new.one@example.org")
    assert user.role == role
    assert user.is_staff == (role == "staff")
    assert not user.is_superuser
    assert user.check_password(SECRET)


def test_it_asks_for_the_ward_of_a_wall_screen(staff: Client, ward: Ward) -> None:
    data = _new_account(email="wall@example.org", role="kiosk")
    page = staff.post("/admin/patients/user/add/", data).content.decode()
    assert "Choose the ward" in page
    data["ward"] = ward.pk
    assert staff.post("/admin/patients/user/add/", data).status_code == 302
    assert User.objects.get(email="wall@example.org").ward == ward


def test_it_refuses_a_second_account_for_an_address_in_another_case(
    staff: Client, alice: User
) -> None:
    data = _new_account(email="ALICE@example.org", role="doctor")
    response = staff.post("/admin/patients/user/add/", data)
    assert response.status_code == 200
    assert "has an account already" in response.content.decode()


def test_it_sets_a_password(staff: Client, alice: User) -> None:
    data = {"password1": SECRET, "password2": SECRET, "usable_password": "true"}
    response = staff.post(f"/admin/patients/user/{alice.pk}/password/", data)
    assert response.status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(SECRET)


def test_who_forgot_the_password_may_try_the_new_one_at_once(
    staff: Client, alice: User
) -> None:
    cache.clear()
    person = Client()
    for _ in range(MAX_TRIES + 1):
        person.post("/login/", {"username": alice.email, "password": "forgotten"})
    data = {"password1": SECRET, "password2": SECRET, "usable_password": "true"}
    staff.post(f"/admin/patients/user/{alice.pk}/password/", data)
    known = {"username": alice.email, "password": SECRET}
    assert person.post("/login/", known).status_code == 302


def test_it_keeps_staff_from_an_administrators_account(
    staff: Client, root: User
) -> None:
    before = root.password
    data = {"password1": SECRET, "password2": SECRET, "usable_password": "true"}
    page = f"/admin/patients/user/{root.pk}/"
    assert staff.post(f"{page}password/", data).status_code == 403
    assert (
        staff.post(f"{page}change/", {"email": "mine@example.org"}).status_code == 403
    )
    root.refresh_from_db()
    assert (root.password, root.email) == (before, "root@example.org")


def test_it_keeps_staff_from_becoming_administrators_or_locking_themselves_out(
    staff: Client, staff_user: User
) -> None:
    data = {
        "email": staff_user.email,
        "role": "doctor",
        "is_superuser": "on",
        "first_name": "Samuel",
    }
    response = staff.post(f"/admin/patients/user/{staff_user.pk}/change/", data)
    assert response.status_code == 302
    staff_user.refresh_from_db()
    assert staff_user.first_name == "Samuel"
    assert staff_user.role == User.Role.STAFF
    assert staff_user.is_active
    assert not staff_user.is_superuser


def test_it_closes_an_account_and_never_deletes_one(staff: Client, alice: User) -> None:
    page = f"/admin/patients/user/{alice.pk}/"
    assert staff.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    data = {"email": alice.email, "role": "doctor"}
    assert staff.post(f"{page}change/", data).status_code == 302
    alice.refresh_from_db()
    assert not alice.is_active


def test_it_makes_the_first_administrator(db: None) -> None:
    user = User.objects.create_superuser("Root@example.org", SECRET)
    assert (user.email, user.role) == ("root@example.org", User.Role.STAFF)
    assert user.is_superuser
    assert user.is_staff


def _patient(**data: object) -> dict[str, object]:
    form: dict[str, object] = {
        "code": "P-100",
        "first_name": "Nora",
        "last_name": "New",
        "time_zone": "Europe/Berlin",
    }
    for inline in ("care_team", "limits"):
        form |= {f"{inline}-TOTAL_FORMS": 0, f"{inline}-INITIAL_FORMS": 0}
    return form | data


def test_it_enrols_a_patient_with_care_team_and_limits(
    staff: Client, alice: User
) -> None:
    data = _patient(
        **{
            "care_team-TOTAL_FORMS": 1,
            "care_team-0-user": alice.pk,
            "care_team-0-relation": "treats",
            "limits-TOTAL_FORMS": 1,
            "limits-0-hr_low_bpm": 45,
            "limits-0-hr_high_bpm": 130,
            "limits-0-pause_s": "2.5",
        }
    )
    response = staff.post("/admin/patients/patient/add/", data)
    assert response.status_code == 302, response.context["errors"]
    patient = Patient.objects.get(code="P-100")
    assert patient.time_zone == "Europe/Berlin"
    member = CareTeamMember.objects.get(patient=patient)
    assert (member.user, member.relation) == (alice, "treats")
    limits = PatientLimits.objects.get(patient=patient)
    assert (limits.hr_low_bpm, limits.hr_high_bpm, limits.pause_s) == (45, 130, 2.5)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"time_zone": "Mars/Olympus"}, "Select a valid choice"),
        ({"birth_date": "2999-01-01"}, "has not come yet"),
        (
            {
                "limits-TOTAL_FORMS": 1,
                "limits-0-hr_low_bpm": 90,
                "limits-0-hr_high_bpm": 80,
                "limits-0-pause_s": "3.0",
            },
            "above the low limit",
        ),
    ],
)
def test_it_says_what_is_wrong_with_a_patient(
    staff: Client, wrong: dict[str, object], words: str
) -> None:
    response = staff.post("/admin/patients/patient/add/", _patient(**wrong))
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not Patient.objects.exists()


def test_it_keeps_a_patient_whose_data_somebody_looked_at(
    staff: Client, patient: Patient, alice: User
) -> None:
    patient.access_log.create(user=alice, action="strip", at="2026-03-01T12:00Z")
    page = f"/admin/patients/patient/{patient.pk}/delete/"
    assert staff.post(page, {"post": "yes"}).status_code == 403
    assert Patient.objects.filter(pk=patient.pk).exists()

    patient.access_log.all().delete()
    # That staff opened the form of somebody entered by mistake keeps nobody.
    assert staff.get(page.replace("delete", "change")).status_code == 200
    assert patient.access_log.exists()
    assert staff.post(page, {"post": "yes"}).status_code == 302
    assert not Patient.objects.filter(pk=patient.pk).exists()


@pytest.mark.parametrize("pause_s", [1.5, 2.0, 3.0, 5.0])
def test_its_form_shows_the_pause_that_is_stored(
    staff: Client, patient: Patient, pause_s: float
) -> None:
    PatientLimits.objects.create(patient=patient, pause_s=pause_s)
    page = staff.get(f"/admin/patients/patient/{patient.pk}/change/").content.decode()
    chosen = re.findall(r'<option value="([\d.]+)" selected', page)
    assert str(pause_s) in chosen


def test_it_refuses_to_keep_signal_for_longer_than_there_are_dates(
    staff: Client,
) -> None:
    response = staff.post("/admin/patients/patient/add/", _patient(keep_days=999_999))
    assert "less than or equal to 36500" in response.content.decode()
