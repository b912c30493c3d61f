"""``GET /api/v1/device``: what a device may know of itself."""

import pytest

from devices.services import configure_device


@pytest.fixture
def get(client, token):
    """Return a function that asks as the device."""

    def ask(**headers):
        header = {"Authorization": f"Bearer {token}"} | headers
        return client.get("/api/v1/device", headers=header)

    return ask


def test_it_tells_name_config_and_initials(get, assignment):
    response = get()
    assert response.status_code == 200
    assert response.json() == {
        "serial": "TC-0001",
        "name": "Chest strap",
        "config": {
            "version": 1,
            "fs": 250,
            "upload_interval_s": 1.0,
            "notch_hz": 50,
        },
        "patient": {"initials": "PE"},
    }


def test_it_tells_nothing_more_of_the_patient(get, assignment, patient):
    text = get().content.decode()
    for secret in (patient.code, patient.first_name, patient.last_name):
        assert secret not in text


def test_it_has_no_patient_when_nobody_wears_it(get, device):
    assert get().json()["patient"] is None


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_it_answers_304_for_what_the_device_has(get, assignment, form):
    etag = get()["ETag"]
    response = get(**{"If-None-Match": form.format(etag)})
    assert response.status_code == 304
    assert response.content == b""
    assert response["ETag"] == etag


def test_it_answers_anew_once_something_changed(get, device, assignment):
    etag = get()["ETag"]
    configure_device(device=device, fs=500, upload_interval_s=2.0, notch_hz=60)
    response = get(**{"If-None-Match": etag})
    assert response.status_code == 200
    assert response.json()["config"] == {
        "version": 2,
        "fs": 500,
        "upload_interval_s": 2.0,
        "notch_hz": 60,
    }
    same = configure_device(device=device, fs=500, upload_interval_s=2.0, notch_hz=60)
    assert same.config_version == 2


def test_it_is_read_only(client, token):
    header = {"Authorization": f"Bearer {token}"}
    assert client.post("/api/v1/device", headers=header).status_code == 405
    assert client.head("/api/v1/device", headers=header).status_code == 200
