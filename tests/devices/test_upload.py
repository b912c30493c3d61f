"""``POST /api/v1/packets``: the reply and its status for everything sent."""

import io
import json

import pytest
from django.test import Client
from django.utils.dateparse import parse_datetime

from devices.models import Chunk, Device, Record
from devices.services import issue_token, revoke_device_tokens
from tests.devices.conftest import STREAM, packet, results

pytestmark = pytest.mark.django_db


def assert_problem(response, status: int, code: str) -> dict:
    """Check that the response is a problem document, and return it."""
    body = response.json()
    assert response.status_code == body["status"] == status
    assert response["Content-Type"] == "application/problem+json"
    assert body["code"] == code
    assert body["title"]
    assert body["detail"]
    return body


def test_it_stores_a_packet_and_says_so(upload, assignment, patient):
    response = upload(packet(0))
    assert response.status_code == 200
    body = response.json()
    assert body["packets"] == [{"seq": 0, "result": "stored"}]
    assert (body["next_seq"], body["missing"], body["config"]) == (1, [], 1)
    assert body["server_time"].endswith("Z")
    assert parse_datetime(body["server_time"])
    record = Record.objects.get()
    assert (record.patient, record.stream, record.sample_count) == (
        patient,
        STREAM,
        250,
    )


def test_it_tells_what_is_missing(upload, assignment):
    body = upload(packet(0), packet(2), packet(7)).json()
    assert body["next_seq"] == 8
    assert body["missing"] == [[1, 2], [3, 7]]
    body = upload(packet(4)).json()
    assert body["missing"] == [[1, 2], [3, 4], [5, 7]]
    assert upload(packet(1)).json()["missing"] == [[3, 4], [5, 7]]


def test_it_tells_of_32_gaps_at_most(upload, assignment):
    body = upload(*[packet(seq, samples=[1] * 250) for seq in range(0, 100, 2)]).json()
    assert body["missing"] == [[seq, seq + 1] for seq in range(1, 64, 2)]


def test_it_answers_a_repeated_packet_with_duplicate(upload, assignment):
    upload(packet(0))
    response = upload(packet(0))
    assert (response.status_code, results(response)) == (200, ["duplicate"])
    assert Chunk.objects.count() == 1


def test_it_keeps_the_first_of_two_packets_with_one_key(upload, assignment):
    upload(packet(0))
    response = upload(packet(0, samples=[5] * 250))
    assert (response.status_code, results(response)) == (207, ["conflict"])
    assert bytes(Chunk.objects.get().data)[:2] != b"\x05\x00"


def test_it_gives_a_verdict_on_each_of_a_mixed_batch(upload, assignment):
    upload(packet(1))
    response = upload(
        packet(0),
        packet(1),
        packet(1, samples=[9] * 250),
        packet(2, samples=[0.5]),
        packet(3, fs=500, samples=[1] * 500),
        packet(4, first_sample=300),
        packet(5),
    )
    assert response.status_code == 207
    assert response["Content-Type"] == "application/json"
    told = response.json()["packets"]
    assert [(one["seq"], one["result"]) for one in told] == [
        (0, "stored"),
        (1, "duplicate"),
        (1, "conflict"),
        (2, "invalid"),
        (3, "stream_changed"),
        (4, "invalid"),
        (5, "stored"),
    ]
    assert (told[3]["error"], told[3]["field"]) == ("type", "samples")
    assert told[5]["error"] == "overlap"


def test_it_answers_a_single_invalid_packet_with_422(upload, assignment):
    body = assert_problem(upload(packet(0, fs=50)), 422, "invalid_packet")
    assert (body["field"], body["error"]) == ("fs", "range")
    assert "100" in body["reason"]
    assert body["packets"][0]["result"] == "invalid"
    in_list = json.dumps({"packets": [packet(0, fs=50)]}).encode()
    assert upload(body=in_list).status_code == 422


def test_it_answers_a_batch_of_invalid_packets_with_207(upload, assignment):
    upload(packet(0))
    response = upload(packet(1, fs=50), packet(2, gain=0))
    assert (response.status_code, results(response)) == (207, ["invalid"] * 2)
    assert response.json()["next_seq"] == 1


@pytest.mark.parametrize("form", ["fs", "leads", "gain", "baseline"])
def test_it_wants_a_new_stream_for_another_form_of_signal(upload, assignment, form):
    upload(packet(0))
    other = {
        "fs": {"fs": 500, "samples": [1] * 250},
        "leads": {"leads": ["II"]},
        "gain": {"gain": 500.0},
        "baseline": {"baseline": 1},
    }
    response = upload(packet(1, **other[form]))
    body = assert_problem(response, 409, "stream_changed")
    assert body["packets"] == [{"seq": 1, "result": "stream_changed"}]
    assert body["next_seq"] == 1


def test_it_answers_409_where_nobody_wears_the_device(upload):
    response = upload(packet(0), packet(1))
    body = assert_problem(response, 409, "no_patient")
    assert results(response) == ["no_patient"] * 2
    assert (body["next_seq"], body["missing"]) == (0, [])
    assert not Record.objects.exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b" ", "malformed"),
        (b"{", "malformed"),
        (b"[]", "malformed"),
        (b"\xff", "malformed"),
        (b"[" * 50_000, "malformed"),
        (b'{"packets": []}', "empty"),
    ],
)
def test_it_answers_400_for_what_it_cannot_parse(upload, assignment, body, code):
    assert_problem(upload(body=body), 400, code)


def test_it_answers_400_for_two_streams(upload, assignment):
    assert_problem(upload(packet(0), packet(1, stream="0" * 16)), 400, "mixed_streams")
    assert not Chunk.objects.exists()


def test_it_refuses_a_body_over_1_mib(upload, assignment):
    padded = json.dumps(packet(0)).encode().ljust(1 << 20)
    assert upload(body=padded).status_code == 200
    assert_problem(upload(body=padded + b" "), 413, "too_large")


def test_it_lets_a_refused_client_finish_sending(client):
    """Else the connection is reset, and the client never learns the reason."""
    body = io.BytesIO(b" " * (3 << 20))
    response = client.generic(
        "POST",
        "/api/v1/packets",
        CONTENT_TYPE="application/json",
        CONTENT_LENGTH=3 << 20,
        **{"wsgi.input": body},
    )
    assert_problem(response, 401, "no_token")
    assert body.tell() == 3 << 20


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/octet-stream",
        "application/vnd.telecardio.packets.v2",
        "application/vnd.telecardio.packets; charset=utf-16",
        "application/json; charset=utf-16",
        "application/jsonx",
    ],
)
def test_it_answers_415_for_another_type(upload, assignment, kind):
    response = upload(packet(0), content_type=kind)
    assert_problem(response, 415, "unsupported_type")
    assert response["Accept-Post"] == (
        "application/json, application/vnd.telecardio.packets"
    )


def test_it_takes_json_whatever_the_case_and_spacing_of_its_name(upload, assignment):
    kind = 'Application/JSON ; charset="UTF-8"'
    assert upload(packet(0), content_type=kind).status_code == 200


def test_it_answers_415_for_a_compressed_body(upload, assignment):
    response = upload(packet(0), **{"Content-Encoding": "gzip"})
    assert_problem(response, 415, "unsupported_type")


def test_it_answers_401_to_a_stranger_before_reading_anything(upload, device):
    for token in ("", "tcd_x", "tcd_" + "A" * 43):
        response = upload(body=b"{", token=token)
        assert_problem(response, 401, "invalid_token")
        assert response["WWW-Authenticate"].startswith("Bearer")


def test_it_answers_401_once_the_token_is_revoked(upload, device, assignment):
    assert upload(packet(0)).status_code == 200
    revoke_device_tokens(device=device)
    assert_problem(upload(packet(1)), 401, "invalid_token")
    assert Chunk.objects.count() == 1


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options"])
def test_it_answers_405_for_another_method(client, token, method):
    response = getattr(client, method)(
        "/api/v1/packets", headers={"Authorization": f"Bearer {token}"}
    )
    assert_problem(response, 405, "method_not_allowed")
    assert response["Allow"] == "POST"


@pytest.mark.parametrize("path", ["", "packet", "packets/", "device/x", "nothing"])
def test_it_answers_404_for_another_address(client: Client, path):
    for response in (client.get(f"/api/v1/{path}"), client.post(f"/api/v1/{path}")):
        assert_problem(response, 404, "not_found")


def test_it_keeps_what_the_device_says_of_itself(upload, device, assignment):
    status = {"battery_percent": 81, "rssi_dbm": -61, "firmware": "1.2", "backlog": 4}
    upload(packet(0), packet(5, status=status), packet(4))
    late = {"battery_percent": 90, "backlog": 9}
    upload(packet(3, status=late))
    device.refresh_from_db()
    assert (device.battery_percent, device.rssi_dbm) == (81, -61)
    assert (device.firmware, device.backlog) == ("1.2", 4)
    assert device.last_seen_at == Record.objects.get().last_received_at


def test_it_notes_a_device_that_nobody_wears(upload, device):
    upload(packet(0, status={"battery_percent": 7}))
    device.refresh_from_db()
    assert device.battery_percent == 7
    assert device.last_seen_at is not None


def test_it_stores_a_heartbeat_without_samples(upload, assignment):
    upload(packet(0))
    response = upload(packet(1, samples=None))
    assert results(response) == ["stored"]
    assert upload(packet(2, first_sample=250)).status_code == 200
    assert list(Chunk.objects.order_by("seq").values_list("n", flat=True)) == [
        250,
        0,
        250,
    ]
    assert Record.objects.get().end_sample == 500


def test_it_replies_with_the_config_version(upload, assignment):
    Device.objects.update(config_version=7)
    assert upload(packet(0)).json()["config"] == 7


def test_it_tells_and_changes_nothing_of_another_devices_stream(upload, assignment):
    upload(packet(0), packet(2))
    stranger = issue_token(device=Device.objects.create(serial="TC-0002"))
    body = assert_problem(upload(packet(1), token=stranger), 409, "no_patient")
    assert (body["next_seq"], body["missing"]) == (0, [])
    assert upload(packet(0), token=stranger).status_code == 409
    assert Record.objects.get().sample_count == 500
