"""Signing in and out."""

import pytest
from django.conf import settings as project_settings
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from patients import throttle
from patients.models import User
from tests.conftest import PASSWORD


def _sign_in(client: Client, email: str, password: str, **data: str) -> object:
    return client.post("/login/", {"username": email, "password": password, **data})


def test_it_signs_in_by_email_in_any_case(client: Client, alice: User) -> None:
    response = _sign_in(client, "Alice@Example.ORG", PASSWORD)
    assert response.status_code == 302
    assert response["Location"] == "/"
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_it_helps_a_password_manager(client: Client, db: None) -> None:
    page = client.get("/login/").content.decode()
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    assert "autofocus" in page


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_it_says_the_same_for_a_wrong_password_and_an_unknown_address(
    client: Client, alice: User, email: str
) -> None:
    response = _sign_in(client, email, "wrong")
    assert response.status_code == 200
    assert "do not belong together" in response.content.decode()


def test_it_refuses_a_closed_account(client: Client, alice: User) -> None:
    alice.is_active = False
    alice.save()
    assert _sign_in(client, alice.email, PASSWORD).status_code == 200
    assert "_auth_user_id" not in client.session


def test_it_goes_on_to_the_page_that_was_asked_for(client: Client, alice: User) -> None:
    response = client.get("/me/")
    assert response["Location"] == "/login/?next=/me/"
    assert 'value="/me/"' in client.get(response["Location"]).content.decode()
    assert _sign_in(client, alice.email, PASSWORD, next="/me/")["Location"] == "/me/"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]
)
def test_it_never_goes_on_to_another_host(
    client: Client, alice: User, elsewhere: str
) -> None:
    response = _sign_in(client, alice.email, PASSWORD, next=elsewhere)
    assert response["Location"] == "/"


def test_it_signs_out_by_post_only(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get("/logout/").status_code == 405
    assert "_auth_user_id" in client.session
    assert client.post("/logout/")["Location"] == "/login/"
    assert "_auth_user_id" not in client.session


def test_it_stops_guessing_even_when_the_last_guess_is_right(
    client: Client, alice: User, bob: User
) -> None:
    cache.clear()
    for _ in range(throttle.MAX_TRIES):
        _sign_in(client, alice.email, "wrong")
    response = _sign_in(client, alice.email, PASSWORD)
    assert "Too many tries. Wait 15 minutes" in response.content.decode()
    # Another account, and the same account from elsewhere, are not touched.
    assert _sign_in(client, bob.email, PASSWORD).status_code == 302
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert _sign_in(elsewhere, alice.email, PASSWORD).status_code == 302


def test_it_forgets_wrong_tries_after_the_right_password(
    client: Client, alice: User
) -> None:
    cache.clear()
    for _ in range(throttle.MAX_TRIES):
        _sign_in(client, alice.email, "wrong")
        _sign_in(client, alice.email, "wrong")
        assert _sign_in(client, alice.email, PASSWORD).status_code == 302
        client.logout()


def test_it_lets_people_in_while_redis_is_away(
    client: Client, alice: User, settings: Settings
) -> None:
    away = settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": away}
    for _ in range(throttle.MAX_TRIES + 1):
        _sign_in(client, alice.email, "wrong")
    assert _sign_in(client, alice.email, PASSWORD).status_code == 302


def test_it_asks_for_a_csrf_token(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = _sign_in(strict, alice.email, PASSWORD)
    assert response.status_code == 403
    assert "open for too long" in response.content.decode()


def test_it_starts_a_new_session_key(client: Client, alice: User) -> None:
    client.get("/login/")
    cookie = project_settings.SESSION_COOKIE_NAME
    before = client.cookies.get(cookie)
    _sign_in(client, alice.email, PASSWORD)
    assert client.cookies[cookie] != before


def test_it_changes_ones_own_password(client: Client, alice: User) -> None:
    client.force_login(alice)
    new = "another horse battery"
    data = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert "do not match" not in client.get("/password/").text
    page = client.post("/password/", data, follow=True)
    assert "Your password is changed." in page.text
    alice.refresh_from_db()
    assert alice.check_password(new)


def test_it_refuses_a_new_password_without_the_old_one(
    client: Client, alice: User
) -> None:
    client.force_login(alice)
    new = "another horse battery"
    data = {"old_password": "wrong", "new_password1": new, "new_password2": new}
    assert client.post("/password/", data).status_code == 200
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_a_form_that_was_sent_after_the_session_ended_leads_back_to_its_page(
    client: Client, alice: User
) -> None:
    sent_from = {"Referer": "http://testserver/records/upload/"}
    answer = client.post("/records/upload/", headers=sent_from, follow=True)
    assert "nothing was saved" in answer.text
    answer = client.post("/records/17/remove/", headers=sent_from)
    assert answer["Location"] == "/login/?next=/records/upload/"
    answer = client.post("/records/17/remove/", headers={"Referer": "http://a.test/b"})
    assert answer["Location"] == "/login/?next=/"


def test_who_is_signed_out_may_sign_out(client: Client, db: None) -> None:
    answer = client.post("/logout/", follow=True)
    assert answer.redirect_chain == [("/login/", 302)]


def test_it_takes_the_whole_page_when_the_session_ends(
    client: Client, db: None
) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/me/"}
    response = client.get("/me/status/", headers=headers, follow=True)
    assert response["HX-Redirect"] == "/login/?next=%2Fme%2F"
    assert "<form" not in response.text


def test_a_screen_in_a_ward_stays_signed_in(
    client: Client, alice: User, kiosk: User
) -> None:
    for user, seconds in ((alice, 12 * 3600), (kiosk, 90 * 86400)):
        assert _sign_in(client, user.email, PASSWORD).status_code == 302
        assert client.session.get_expiry_age() == seconds
        client.logout()
