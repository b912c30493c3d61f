"""Device tokens: issued once, rotated with grace, revoked at once."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from devices.models import Device, DeviceToken
from devices.services import (
    issue_token,
    revoke_device_tokens,
    revoke_token,
    rotate_token,
)
from devices.tokens import token_digest


def knock(client: Client, token: str) -> int:
    """Return the status that a token gets."""
    header = {"Authorization": f"Bearer {token}"}
    return client.get("/api/v1/device", headers=header).status_code


def test_it_keeps_only_the_digest(device, token):
    row = DeviceToken.objects.get()
    assert re.fullmatch(r"tcd_[A-Za-z0-9_-]{43}", token)
    assert bytes(row.digest) == token_digest(token)
    assert row.last4 == token[-4:]
    assert token not in repr(DeviceToken.objects.values())


def test_it_lets_the_old_token_in_for_a_day_after_rotation(client, device, token):
    new = rotate_token(device=device)
    assert knock(client, token) == knock(client, new) == 200
    DeviceToken.objects.filter(digest=token_digest(token)).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )
    assert knock(client, token) == 401
    assert knock(client, new) == 200


def test_it_never_prolongs_a_token_by_a_second_rotation(device, token):
    now = timezone.now()
    rotate_token(device=device, now=now)
    rotate_token(device=device, now=now + timedelta(hours=5))
    old = DeviceToken.objects.get(digest=token_digest(token))
    assert old.expires_at == now + timedelta(hours=24)


def test_it_refuses_a_revoked_token_at_once(client, device, token):
    other = issue_token(device=device)
    assert knock(client, token) == 200
    revoke_token(token=DeviceToken.objects.get(digest=token_digest(token)))
    assert knock(client, token) == 401
    assert knock(client, other) == 200
    assert revoke_device_tokens(device=device) == 1
    assert knock(client, other) == 401


def test_it_refuses_every_token_of_a_retired_device(client, device, token):
    Device.objects.update(retired_at=timezone.now())
    assert knock(client, token) == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer tcd_short",
        "Bearer tcd_" + "ä" * 43,
        "Bearer tcd_" + "A" * 43,
        "Bearer tcd_" + "A" * 44,
        "Basic dGM6dGM=",
        "Token tcd_" + "A" * 43,
    ],
)
@pytest.mark.django_db
def test_it_answers_a_stranger_with_a_challenge(client, header):
    response = client.get("/api/v1/device", headers={"Authorization": header})
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["code"] in ("no_token", "invalid_token")
    assert response.json()["status"] == 401


def test_it_is_no_door_for_people(client, charlie, alice, device, assignment):
    for person in (charlie, alice):
        client.force_login(person)
        assert client.get("/api/v1/device").status_code == 401
        assert client.post("/api/v1/packets").status_code == 401


def test_it_prints_a_token_for_a_new_device(client, patient):
    out = StringIO()
    call_command("issue_token", "TC-77", "--patient", "P-001", stdout=out)
    assert knock(client, out.getvalue().strip()) == 200
    assert Device.objects.get(serial="TC-77").assignments.get().patient == patient
    with pytest.raises(CommandError, match="P-001 wears TC-77"):
        call_command("issue_token", "TC-78", "--patient", "P-001", stdout=out)
    with pytest.raises(CommandError, match="no patient"):
        call_command("issue_token", "TC-78", "--patient", "P-9", stdout=out)
    assert not Device.objects.filter(serial="TC-78").exists()
