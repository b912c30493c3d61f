"""Nobody fills the disk with a body, whether its length is told or not."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.test import Client
from django.urls import reverse

from patients.models import User
from telecardio.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)
MIB = 1 << 20


@pytest.fixture(autouse=True)
def closed_connections() -> Iterator[None]:
    """Close the connections of the threads that asked who it is."""
    yield
    connections.close_all()


def sent(
    path: str, mib: float, *, told: bool, user: User | None = None
) -> httpx.Response:
    """POST zeros, with their length or piece by piece."""
    cookies = {}
    if user is not None:
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        cookies = {name: client.cookies[name].value}

    async def pieces():
        for _ in range(int(4 * mib)):
            yield bytes(MIB // 4)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver", cookies=cookies
        ) as client:
            body = bytes(int(mib * MIB)) if told else pieces()
            answer = await client.post(path, content=body)
        await sync_to_async(connections.close_all)()
        return answer

    return asyncio.run(send())


@pytest.mark.parametrize("told", [True, False])
def test_it_takes_no_more_than_a_form(told):
    login = reverse("login")
    assert sent(login, 1, told=told).status_code == 403  # No token.
    answer = sent(login, 4, told=told)
    assert answer.status_code == 413
    assert answer.json() == {"detail": "At most 3 MB can be sent here."}
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("told", [True, False])
def test_it_takes_recordings_from_doctors_alone(
    told, settings, alice, staff_user, patient_user
):
    settings.MAX_RECORD_UPLOAD_BYTES = 6 * MIB
    upload = reverse("upload")
    for stranger in (None, staff_user, patient_user):
        answer = sent(upload, 5, user=stranger, told=told)
        assert answer.status_code == 403
        assert "Sign in as a doctor" in answer.json()["detail"]
    # That it came as far as the check of the token shows that it was taken.
    answer = sent(upload, 5, user=alice, told=told)
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert sent(upload, 8, user=alice, told=told).status_code == 413
