"""Every URL of the project, asked for by people of every relation to the patient.

A new URL fails here until somebody says who may see it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from devices.models import Assignment
from devices.services import create_file_record
from inference.models import Alarm
from patients.models import CareTeamMember, Patient, User

PEOPLE = (
    "anonymous",
    "alice",
    "bob",
    "charlie",
    "staff_user",
    "patient_user",
    "other_patient_user",
    "kiosk",
    "other_kiosk",
)


@dataclass(frozen=True)
class Page:
    """What a GET answers; who is not named in ``others`` gets ``default``."""

    default: int
    anonymous: int = 302
    args: tuple[str, ...] = ()
    others: tuple[tuple[str, int], ...] = ()

    def expected(self, who: str) -> int:
        """Return the status for one of PEOPLE."""
        if who == "anonymous":
            return self.anonymous
        return dict(self.others).get(who, self.default)


def only(*people: str, status: int = 200, **page: Any) -> Page:
    """Open a page to these people; for the others it does not exist."""
    return Page(404, others=tuple((who, status) for who in people), **page)


DOCTORS = ("alice", "bob", "charlie")
TEAM = ("alice", "bob")

# Staff, the patient and the wall screen may know the patient, but not open it.
OF_THE_HEART = Page(
    404,
    args=("patient",),
    others=(
        ("alice", 200),
        ("bob", 200),
        ("staff_user", 403),
        ("patient_user", 403),
        ("kiosk", 403),
    ),
)

PAGES = {
    "home": Page(302),
    "login": Page(302, anonymous=200),
    "logout": Page(405, anonymous=405),
    "password": Page(200),
    "portal": only("patient_user", "other_patient_user"),
    "portal-status": only("patient_user", "other_patient_user"),
    "portal-hours": only("patient_user", "other_patient_user"),
    "demo-mails": Page(404),
    "wall": only(*DOCTORS, "kiosk", "other_kiosk"),
    "wall-patients": only(*DOCTORS, "kiosk", "other_kiosk"),
    "stay-signed-in": Page(405),
    "watchdog": only(*DOCTORS, "kiosk", "other_kiosk", "staff_user"),
    "open-alarms": only(*DOCTORS, "kiosk", "other_kiosk"),
    # The wall screen may know the patient, but not open the page.
    "patient": Page(
        404,
        args=("patient",),
        others=(
            ("alice", 200),
            ("bob", 200),
            ("staff_user", 200),
            ("patient_user", 302),
            ("kiosk", 403),
        ),
    ),
    "patient-alarms": OF_THE_HEART,
    "patient-hours": OF_THE_HEART,
    "alarm-history": Page(
        404,
        args=("patient",),
        others=(
            ("alice", 200),
            ("bob", 200),
            ("staff_user", 200),
            ("patient_user", 403),
            ("kiosk", 403),
        ),
    ),
    "episode-history": OF_THE_HEART,
    "acknowledge": Page(405, args=("alarm",)),
    "upload": only(*DOCTORS),
    "record": only(*TEAM, args=("record",)),
    "record-progress": only(*TEAM, args=("record",)),
    "record-window": only(*TEAM, args=("record",)),
    "record-give": Page(405, args=("record",)),
    "record-remove": Page(405, args=("record",)),
    # The device API asks for a token, whoever is signed in.
    "packets": Page(401, anonymous=401),
    "device": Page(401, anonymous=401),
    "api/v1/": Page(404, anonymous=404),
}


def _urls(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _urls(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield pattern.name or route, route


def test_it_lists_every_url() -> None:
    urls = dict(_urls(get_resolver().url_patterns))
    own = {name for name, route in urls.items() if not route.startswith("admin/")}
    assert own == set(PAGES), "Say in PAGES who may see the new URL."


@pytest.fixture
def people(
    alice: User,
    bob: User,
    charlie: User,
    staff_user: User,
    patient_user: User,
    kiosk: User,
    other_patient: Patient,
) -> dict[str, User]:
    """Return everybody but the anonymous by name."""
    oskar = User.objects.create_user("oskar@example.org", role=User.Role.PATIENT)
    other_patient.user = oskar
    other_patient.save()
    return {
        "alice": alice,
        "bob": bob,
        "charlie": charlie,
        "staff_user": staff_user,
        "patient_user": patient_user,
        "other_patient_user": oskar,
        "kiosk": kiosk,
        "other_kiosk": User.objects.create_user(
            "other.screen@example.org", role=User.Role.KIOSK
        ),
    }


@pytest.fixture
def ids(patient: Patient, assignment: Assignment, alice: User) -> dict[str, int]:
    """Return an id for each thing that an URL names; all belong to one patient."""
    record = create_file_record(
        uploaded_by=alice,
        patient=patient,
        name="100",
        fs=250,
        leads=["I"],
        gain=200.0,
        baseline=0,
        started_at=timezone.now(),
        samples=np.zeros((2500, 1), np.int16),
    )
    alarm = Alarm.objects.create(
        patient=patient,
        rule="VT",
        priority=Alarm.Priority.HIGH,
        onset_at=timezone.now(),
        detail="7 ventricular beats at 168/min",
        annotator="tc-test",
        raised_at=timezone.now(),
    )
    return {"patient": patient.pk, "record": record.pk, "alarm": alarm.pk}


def _address(name: str, ids: dict[str, int]) -> str:
    if "/" in name:
        return f"/{name}"
    return reverse(name, args=[ids[arg] for arg in PAGES[name].args])


@pytest.mark.parametrize("who", PEOPLE)
def test_it_answers_as_the_access_table_says(
    client: Client, who: str, people: dict[str, User], ids: dict[str, int]
) -> None:
    if who in people:
        client.force_login(people[who])
    wrong = {}
    for name, page in PAGES.items():
        response = client.get(_address(name, ids))
        if response.status_code != page.expected(who):
            wrong[name] = (response.status_code, "not", page.expected(who))
        if page.expected(who) == 302 and who == "anonymous":
            assert response["Location"].startswith("/login/"), name
    assert not wrong


def test_it_answers_a_stranger_as_for_things_that_do_not_exist(
    client: Client, people: dict[str, User], ids: dict[str, int]
) -> None:
    client.force_login(people["charlie"])
    missing = {name: pk + 10_000 for name, pk in ids.items()}
    for name, page in PAGES.items():
        if not page.args:
            continue
        secret, absent = (
            _without_csrf(client.get(_address(name, which)).text)
            for which in (ids, missing)
        )
        assert secret == absent, name


def _without_csrf(page: str) -> str:
    return re.sub(r"[A-Za-z0-9]{64}", "", page)


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("anonymous", 302),
        ("charlie", 404),
        ("staff_user", 403),
        ("patient_user", 403),
        ("other_patient_user", 404),
        ("kiosk", 403),
        ("bob", 403),
    ],
)
def test_it_lets_nobody_acknowledge_but_who_treats(
    client: Client,
    who: str,
    status: int,
    people: dict[str, User],
    ids: dict[str, int],
) -> None:
    if who in people:
        client.force_login(people[who])
    response = client.post(_address("acknowledge", ids), {"reason": "seen"})
    assert response.status_code == status
    assert Alarm.objects.get(pk=ids["alarm"]).acknowledged_at is None


def test_it_shuts_out_a_doctor_who_left_the_team(
    client: Client, people: dict[str, User], ids: dict[str, int]
) -> None:
    client.force_login(people["alice"])
    CareTeamMember.objects.filter(user=people["alice"]).delete()
    for name in (
        "patient",
        "patient-alarms",
        "patient-hours",
        "record",
        "record-window",
    ):
        assert client.get(_address(name, ids)).status_code == 404, name


ADMIN_ARGS = {
    "object_id": "1",
    "id": "1",
    "app_label": "patients",
    "content_type_id": "1",
    "url": "x",
}


@pytest.mark.parametrize(
    ("who", "statuses"),
    [
        ("anonymous", {302}),
        ("alice", {404}),
        ("charlie", {404}),
        ("patient_user", {404}),
        ("kiosk", {404}),
        ("staff_user", {200, 302, 403, 404, 405}),
    ],
)
def test_it_hides_the_whole_administration(
    client: Client, who: str, statuses: set[int], people: dict[str, User]
) -> None:
    if who in people:
        client.force_login(people[who])
    wrong, asked = {}, 0
    for name, route in _urls(admin.site.get_urls()):
        if "/" in name or name == "view_on_site" or route.startswith("("):
            continue
        kwargs = {arg: value for arg, value in ADMIN_ARGS.items() if _takes(route, arg)}
        status = client.get(reverse(f"admin:{name}", kwargs=kwargs)).status_code
        asked += 1
        if status not in statuses:
            wrong[name] = status
    assert not wrong
    assert asked > 50


def _takes(route: str, arg: str) -> bool:
    return f":{arg}>" in route or f"<{arg}>" in route
