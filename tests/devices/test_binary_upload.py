"""``POST /api/v1/packets`` with binary packets: answered as JSON ones are."""

import json

import pytest

from devices.codec import BINARY_TYPE
from devices.models import Chunk, Record
from tests.devices.conftest import packet as json_packet
from tests.devices.conftest import results, timed
from tests.devices.golden_packets import FOLDER
from tests.devices.packet_bytes import packet, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def upload_binary(upload):
    """Return a function that posts a body of binary packets as the device."""

    def post(*packets: bytes, **options):
        return upload(body=b"".join(packets), content_type=BINARY_TYPE, **options)

    return post


def golden(name: str) -> bytes:
    return (FOLDER / f"{name}.bin").read_bytes()


def test_it_stores_binary_packets_and_says_so(upload_binary, assignment, patient):
    response = upload_binary(golden("two-packets"))
    assert (response.status_code, results(response)) == (200, ["stored"] * 2)
    assert (response.json()["next_seq"], response.json()["missing"]) == (2, [])
    record = Record.objects.get()
    assert (record.patient, record.leads, record.fs) == (patient, ["I"], 100)
    assert (record.gain, record.baseline, record.sample_count) == (1000.0, 0, 20)


def test_it_answers_the_same_packet_in_the_other_format_with_duplicate(
    upload, upload_binary, assignment, hour_ago
):
    told = [timed(seq, hour_ago, status={"battery_percent": 7}) for seq in range(4)]
    assert results(upload(told[0], told[1])) == ["stored"] * 2
    again = [
        written(one, coding)
        for one, coding in zip(told, ["int16", "delta"] * 2, strict=True)
    ]
    assert results(upload_binary(*again)) == ["duplicate"] * 2 + ["stored"] * 2
    response = upload(*told)
    assert (response.status_code, results(response)) == (200, ["duplicate"] * 4)
    assert Chunk.objects.count() == 4


def test_it_stores_every_field(upload_binary, assignment, device, hour_ago):
    status = {"battery_percent": 81, "rssi_dbm": -61, "firmware": "1.2", "backlog": 4}
    fields = packet(
        at=hour_ago.isoformat(),
        mono_ms=34012,
        flags=["noisy", "clock_set"],
        lost_before=3,
        marker=True,
        status=status,
    )
    assert upload_binary(written(fields, "delta")).status_code == 200
    chunk = Chunk.objects.get()
    assert (chunk.at, chunk.mono_ms) == (hour_ago, 34012)
    assert (chunk.flags, chunk.lost_before) == (["noisy", "clock_set"], 3)
    assert chunk.marker is True
    device.refresh_from_db()
    assert (device.battery_percent, device.rssi_dbm) == (81, -61)
    assert (device.firmware, device.backlog) == ("1.2", 4)


def test_it_gives_a_verdict_on_each_of_a_damaged_batch(upload_binary, assignment):
    response = upload_binary(golden("middle-samples-damaged"))
    assert (response.status_code, response["Content-Type"]) == (207, "application/json")
    assert response.json()["packets"] == [
        {"seq": 0, "result": "stored"},
        {
            "seq": 1,
            "result": "invalid",
            "error": "crc",
            "field": "samples",
            "reason": "do not match their CRC-32",
        },
        {"seq": 2, "result": "stored"},
    ]
    assert response.json()["missing"] == [[1, 2]]
    lost = upload_binary(golden("middle-header-damaged"))
    told = lost.json()["packets"]
    assert [one["seq"] for one in told] == [0, None, 2]
    assert told[1]["reason"].startswith("packet 1 of the body is damaged: bytes ")


@pytest.mark.parametrize(
    ("name", "field", "error"),
    [
        ("fs-too-low", "fs", "range"),
        ("version-2", "version", "range"),
        ("samples-damaged", "samples", "crc"),
        ("cut-short", "packet_bytes", "count"),
    ],
)
def test_it_answers_a_single_invalid_packet_with_422(
    upload_binary, assignment, name, field, error
):
    response = upload_binary(golden(name))
    body = response.json()
    assert (response.status_code, body["code"]) == (422, "invalid_packet")
    assert (body["field"], body["error"]) == (field, error)
    assert body["packets"][0]["seq"] == 0
    assert not Chunk.objects.exists()


def test_it_names_fields_as_it_does_for_json(upload, upload_binary, assignment):
    """One device may speak both; its maker should learn one set of reasons."""
    for wrong in [
        {"seq": 2**31},
        {"first_sample": 2**40},
        {"fs": 99},
        {"gain": 0.0},
        {"leads": ["I", "I"], "samples": [0] * 100},
        {"samples": [0] * 5},
        {"mono_ms": 2**40},
        {"lost_before": 2**40},
        {"status": {"battery_percent": 101}},
        {"status": {"firmware": "\xb5"}},
    ]:
        fields = json_packet() | wrong
        told, binary = upload(fields).json(), upload_binary(written(fields)).json()
        told.pop("server_time")
        binary.pop("server_time")
        assert told == binary, wrong


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("magic-only", "malformed"),
        ("json", "malformed"),
        ("header-damaged", "malformed"),
        ("two-streams", "mixed_streams"),
    ],
)
def test_it_answers_400_for_what_it_cannot_parse(upload_binary, assignment, name, code):
    response = upload_binary(golden(name))
    assert (response.status_code, response.json()["code"]) == (400, code)


def test_it_answers_413_for_too_many_packets_and_for_too_many_bytes(
    upload_binary, assignment
):
    for body in (golden("heartbeat") * 1001, bytes((1 << 20) + 1)):
        response = upload_binary(body)
        assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_it_does_not_take_one_format_for_the_other(upload, upload_binary, assignment):
    as_json = upload(body=golden("int16"))
    assert (as_json.status_code, as_json.json()["code"]) == (400, "malformed")
    as_binary = upload_binary(json.dumps(json_packet()).encode())
    assert (as_binary.status_code, as_binary.json()["code"]) == (400, "malformed")


def test_it_takes_the_same_tokens(upload_binary, assignment):
    response = upload_binary(golden("int16"), token="tcd_" + "A" * 43)
    assert (response.status_code, response.json()["code"]) == (401, "invalid_token")
