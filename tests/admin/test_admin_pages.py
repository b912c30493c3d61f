"""Every page of the administration opens for staff, and for nobody else."""

from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from devices.models import Assignment, OrphanedRecording, Record
from inference.models import Alarm, AlertRule, MailDelivery, PatientLimits
from patients.models import AccessLog, Patient, User

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SIGNAL = {"fs": 250, "leads": ["I"], "gain": 1000, "baseline": 0, "started_at": NOW}
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.fixture
def one_of_each(
    patient_user: User, alice: User, token: str, assignment: Assignment
) -> None:
    """Fill every list of the administration."""
    patient = assignment.patient
    alarm = Alarm.objects.create(
        patient=patient,
        rule="NO_DATA",
        priority=Alarm.Priority.MEDIUM,
        onset_at=NOW,
        detail="No data for 2 min",
        annotator="tc-test",
        raised_at=NOW,
    )
    rule = AlertRule.objects.create(name="Everything", rules=["VT", "NO_DATA"])
    MailDelivery.objects.create(
        alarm=alarm,
        alert_rule=rule,
        address="alice@example.org",
        message_id="<1@example.org>",
        next_try_at=NOW,
        queued_at=NOW,
    )
    PatientLimits.objects.create(patient=patient)
    AccessLog.objects.create(patient=patient, user=alice, action="strip", at=NOW)
    Record.objects.create(
        device=assignment.device,
        stream="00000000000000aa",
        **SIGNAL,
        time_uncertain=True,
    )
    Record.objects.create(
        source=Record.Source.FILE,
        name="holter.csv",
        **SIGNAL,
    )


def _pages(model: type) -> list[str]:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    row = admin.site._registry[model].get_queryset(_AsRoot()).order_by("pk").first()
    assert row is not None, f"one_of_each makes no {model.__name__}"
    return [
        reverse(f"{name}_changelist"),
        reverse(f"{name}_changelist") + "?q=x",
        reverse(f"{name}_change", args=[row.pk]),
        reverse(f"{name}_history", args=[row.pk]),
    ]


class _AsRoot:
    user = User(is_superuser=True, role=User.Role.STAFF)


@pytest.mark.parametrize("who", ["staff_user", "root"])
def test_it_shows_every_list_and_form(
    client: Client, who: str, one_of_each: None, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(who))
    read_only = {Alarm, AccessLog, OrphanedRecording, MailDelivery, Record}
    for model in MODELS:
        for page in _pages(model):
            assert client.get(page).status_code == 200, page
        add = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
        expected = 403 if model in read_only else 200
        assert client.get(add).status_code == expected, add


def test_it_shows_its_first_page_password_form_and_search(
    client: Client, staff_user: User
) -> None:
    client.force_login(staff_user)
    pages = ("", "password_change/", "search/?s=pat", "patients/")
    for page in [f"/admin/{page}" for page in pages]:
        assert client.get(page).status_code == 200, page


@pytest.mark.parametrize("who", ["alice", "charlie", "patient_user", "kiosk"])
def test_it_is_hidden_from_other_roles(
    client: Client, who: str, one_of_each: None, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(who))
    assert client.get("/admin/").status_code == 404
    assert client.get("/admin/login/").status_code == 404
    for model in MODELS:
        for page in _pages(model):
            assert client.get(page).status_code == 404, page


def test_it_is_hidden_from_a_doctor_whom_the_database_calls_staff(
    client: Client, alice: User
) -> None:
    alice.is_staff = True
    alice.save()
    client.force_login(alice)
    assert client.get("/admin/").status_code == 404


def test_it_sends_anonymous_people_to_the_one_sign_in_page(
    client: Client, db: None
) -> None:
    response = client.get("/admin/patients/patient/", follow=True)
    assert response.redirect_chain[-1][0].startswith("/login/?next=")
    assert "/admin/" in response.redirect_chain[-1][0]


def test_it_shows_staff_technical_alarms_only(
    client: Client, staff_user: User, root: User, patient: Patient
) -> None:
    for rule in ("VT", "NO_DATA"):
        Alarm.objects.create(
            patient=patient,
            rule=rule,
            priority=Alarm.Priority.HIGH,
            onset_at=NOW,
            detail=f"detail of {rule}",
            annotator="tc-test",
            raised_at=NOW,
        )
    client.force_login(staff_user)
    page = client.get("/admin/inference/alarm/").content.decode()
    assert "detail of NO_DATA" in page
    assert "detail of VT" not in page
    client.force_login(root)
    assert "detail of VT" in client.get("/admin/inference/alarm/").content.decode()


@pytest.mark.parametrize(
    ("model", "field"),
    [(Alarm, "onset_at"), (MailDelivery, "queued_at"), (AccessLog, "at")],
)
def test_a_list_of_years_is_never_counted_as_a_whole(
    client: Client, root: User, one_of_each: None, model: type, field: str
) -> None:
    client.force_login(root)
    address = reverse(
        f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    )
    with CaptureQueriesContext(connection) as asked:
        page = client.get(address)
    table = model._meta.db_table
    of_all = [one["sql"] for one in asked if f'FROM "{table}"' in one["sql"]]
    assert of_all
    assert all("LIMIT" in sql for sql in of_all), of_all
    assert page.context["cl"].result_list
    for first, last, found in (
        ("2026-03-01", "2026-03-01", 1),
        ("2026-03-02", "", 0),
        ("", "2026-02-28", 0),
        ("9999-99-99", "no day", 1),
    ):
        days = {f"{field}_from": first, f"{field}_to": last}
        listed = client.get(address, days).context["cl"].result_list
        assert len(listed) == found, days
