"""Alert rules in the administration."""

import pytest
from django.test import Client

from inference.models import AlertRule
from patients.models import Patient, User, Ward


@pytest.fixture
def staff(client: Client, staff_user: User) -> Client:
    client.force_login(staff_user)
    return client


def _rule(**data: object) -> dict[str, object]:
    return {
        "name": "Night",
        "active": "on",
        "rules": ["VT", "ASYSTOLE"],
        "min_priority": 2,
        "after_min": 0,
        "recipients": "care_team",
        "addresses": "",
        "dedupe_min": 15,
    } | data


def test_it_makes_a_rule_from_ticks_and_lines(staff: Client, ward: Ward) -> None:
    data = _rule(
        ward=ward.pk,
        recipients="addresses",
        addresses="one@example.org\n two@example.org, three@example.org\n\n",
    )
    response = staff.post("/admin/inference/alertrule/add/", data)
    assert response.status_code == 302, response.context["errors"]
    rule = AlertRule.objects.get(name="Night")
    assert rule.rules == ["VT", "ASYSTOLE"]
    assert rule.ward == ward
    assert rule.addresses == [f"{n}@example.org" for n in ("one", "two", "three")]
    page = staff.get(f"/admin/inference/alertrule/{rule.pk}/change/").content.decode()
    assert "one@example.org\ntwo@example.org\nthree@example.org" in page


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"recipients": "addresses"}, "Name at least one address."),
        ({"addresses": "one@example.org\nnobody"}, "No email address: nobody"),
        ({"rules": ["HICCUP"]}, "Select a valid choice"),
    ],
)
def test_it_says_what_is_wrong(
    staff: Client, wrong: dict[str, object], words: str
) -> None:
    response = staff.post("/admin/inference/alertrule/add/", _rule(**wrong))
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not AlertRule.objects.filter(name="Night").exists()


def test_it_refuses_a_ward_and_a_patient_at_once(
    staff: Client, ward: Ward, patient: Patient
) -> None:
    data = _rule(ward=ward.pk, patient=patient.pk)
    response = staff.post("/admin/inference/alertrule/add/", data)
    assert "Choose a ward or a patient" in response.content.decode()
