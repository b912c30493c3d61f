"""What the tests of the device API share: packets and an upload."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from redis import Redis

from devices.models import Device
from devices.redis_pool import redis
from devices.services import assign_device, issue_token
from patients.models import Patient, Ward

STREAM = "5f0c9a1e77b24d10"
FS = 250


def packet(seq: int = 0, **fields: Any) -> dict[str, Any]:
    """Return one second of signal that differs from packet to packet."""
    usual = {
        "stream": STREAM,
        "seq": seq,
        "first_sample": seq * FS,
        "fs": FS,
        "leads": ["I"],
        "gain": 1000.0,
        "baseline": 0,
        "samples": [(seq * 7 + i) % 4096 - 2048 for i in range(FS)],
    }
    return usual | fields


def timed(seq: int, start_at: datetime, **fields: Any) -> dict[str, Any]:
    """Return a packet whose clock says when it was taken."""
    at = start_at + timedelta(seconds=seq)
    return packet(seq, at=at.astimezone(UTC).isoformat(), **fields)


Upload = Callable[..., HttpResponse]


@pytest.fixture
def upload(client: Client, token: str) -> Upload:
    """Return a function that posts packets (or any body) as the device."""

    def post(
        *packets: Any, body: bytes | None = None, token: str = token, **headers: str
    ) -> HttpResponse:
        if body is None:
            whole = packets[0] if len(packets) == 1 else {"packets": list(packets)}
            body = json.dumps(whole).encode()
        return client.post(
            "/api/v1/packets",
            body,
            content_type=headers.pop("content_type", "application/json"),
            headers={"Authorization": f"Bearer {token}"} | headers,
        )

    return post


def worn_device(serial: str, ward: Ward, *, since: datetime) -> tuple[Device, str]:
    """Return a device that a patient of its own wears, and its token."""
    device = Device.objects.create(serial=serial)
    patient = Patient.objects.create(code=f"P-{serial}", ward=ward)
    assign_device(device=device, patient=patient, start_at=since)
    return device, issue_token(device=device)


@pytest.fixture
def hour_ago() -> datetime:
    """Return a time that is history, on a whole second."""
    return (timezone.now() - timedelta(hours=1)).replace(microsecond=0)


@pytest.fixture
def redis_client() -> Redis:
    """Return the connection that the code under test uses."""
    return redis().client


def results(response: HttpResponse) -> list[str]:
    """Return the verdict on each packet."""
    return [told["result"] for told in response.json()["packets"]]
