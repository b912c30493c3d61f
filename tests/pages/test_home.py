"""The first page after signing in."""

import pytest
from django.test import Client


@pytest.mark.parametrize(
    ("who", "page"),
    [
        ("alice", "/wall/"),
        ("kiosk", "/wall/"),
        ("patient_user", "/me/"),
        ("staff_user", "/admin/"),
        ("root", "/admin/"),
    ],
)
def test_it_sends_each_role_to_its_page(
    client: Client, who: str, page: str, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(who))
    response = client.get("/")
    assert response["Location"] == page
    assert client.get(page).status_code == 200


def test_it_sends_anonymous_people_to_sign_in(client: Client, db: None) -> None:
    assert client.get("/")["Location"] == "/login/?next=/"


def test_it_shows_the_navigation_of_the_role(
    client: Client, patient_user: object
) -> None:
    client.force_login(patient_user)
    page = client.get("/me/").content.decode()
    assert "My heart" in page
    assert "Administration" not in page
    assert "Wall" not in page
    assert page.count("Decision support, not a certified medical device.") == 1
    assert 'href="#content"' in page
