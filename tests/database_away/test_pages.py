"""While PostgreSQL is away every page says so, in words, and nothing else breaks."""

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.database_away.conftest import Installation

pytestmark = pytest.mark.slow

HTML = {"Accept": "text/html,*/*;q=0.8"}


def test_it_says_on_every_page_that_the_database_is_away(
    running: Installation,
) -> None:
    addresses = [
        "/",
        "/login/",
        "/wall/",
        f"/patients/{running.patient}/",
        "/records/1/",
        "/admin/",
        "/admin/patients/patient/",
    ]
    with httpx.Client(base_url=running.url, cookies=running.cookies) as web:
        assert web.get("/wall/", headers=HTML).status_code == 200
        running.stop_postgresql()
        before = running.said()
        for address in addresses:
            answer = web.get(address, headers=HTML)
            assert answer.status_code == 503, address
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.headers["Cache-Control"] == "no-store"
            assert "The database is away, try again in a moment" in answer.text
            # It asks again by itself: a wall on a screen has nobody to reload it.
            assert '<meta http-equiv="refresh"' in answer.text
            assert "Traceback" not in answer.text
        said = running.said().removeprefix(before)
        assert said.count("The database is away") == 1, said
        assert "Traceback" not in said
        running.start_postgresql()
        assert web.get("/wall/", headers=HTML).status_code == 200


def test_it_tells_fragments_programs_and_forms_in_their_own_way(
    running: Installation,
) -> None:
    with httpx.Client(base_url=running.url, cookies=running.cookies) as web:
        running.stop_postgresql()
        fragment = web.get("/watchdog/", headers={"HX-Request": "true"})
        assert (fragment.status_code, "<" in fragment.text) == (503, False)
        asked = web.get("/alarms/open/", headers={"Accept": "application/json"})
        assert (asked.status_code, asked.json()["code"]) == (503, "database_away")
        token = web.cookies.get("csrftoken") or "a" * 32
        web.cookies.set("csrftoken", token)
        form = {
            "csrfmiddlewaretoken": token,
            "username": "alice@example.org",
            "password": "something",
        }
        sent = web.post("/login/", data=form, headers=HTML)
        assert sent.status_code == 503
        assert "What you sent was not saved" in sent.text
        assert "http-equiv" not in sent.text
        # Machines are still told what they ask.
        assert web.get("/healthz").status_code == 200
        assert web.get("/readyz").status_code == 503


def test_it_closes_live_sockets_with_a_code_that_says_why(
    running: Installation,
) -> None:
    address = running.url.replace("http", "ws") + "/ws/live/"
    cookie = "; ".join(f"{k}={v}" for k, v in running.cookies.items())
    headers = {"Cookie": cookie, "Origin": running.url}
    running.stop_postgresql()
    before = running.said()
    with connect(address, additional_headers=headers) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
    assert "Traceback" not in running.said().removeprefix(before)
    running.start_postgresql()
    with connect(address, additional_headers=headers) as socket:
        assert '"hello"' in socket.recv(10)
