"""Devices, tokens and assignments in the administration."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from devices.models import Assignment, Device, DeviceToken, Record
from devices.services import assign_device, create_file_record
from devices.tokens import token_digest
from patients.models import Patient, User

TOKEN = re.compile(r"tcd_[A-Za-z0-9_-]{43}")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def staff(client: Client, staff_user: User) -> Client:
    client.force_login(staff_user)
    return client


def test_it_shows_a_new_token_once(staff: Client, device: Device) -> None:
    response = staff.post("/admin/devices/devicetoken/add/", {"device": device.pk})
    page = response.content.decode()
    [token] = set(TOKEN.findall(page))
    stored = DeviceToken.objects.get(device=device)
    assert bytes(stored.digest) == token_digest(token)
    assert "no-store" in response["Cache-Control"]
    for later in (
        "/admin/devices/devicetoken/",
        f"/admin/devices/devicetoken/{stored.pk}/change/",
        f"/admin/devices/device/{device.pk}/change/",
        f"/admin/devices/devicetoken/{stored.pk}/history/",
    ):
        page = staff.get(later).content.decode()
        assert not TOKEN.search(page), later
    assert f"tcd_…{token[-4:]}" in staff.get("/admin/devices/devicetoken/").text
    assert token not in "".join(str(entry.__dict__) for entry in LogEntry.objects.all())
    assert token not in str(dict(staff.session))


def test_it_rotates_with_a_day_of_grace(
    staff: Client, device: Device, token: str
) -> None:
    old = DeviceToken.objects.get()
    data = {"action": "rotate", "_selected_action": [old.pk]}
    page = staff.post("/admin/devices/devicetoken/", data).content.decode()
    [new] = set(TOKEN.findall(page))
    assert new != token
    old.refresh_from_db()
    assert old.expires_at is not None
    assert timedelta(hours=23) < old.expires_at - timezone.now() < timedelta(hours=25)


def test_it_gives_new_tokens_to_chosen_devices(staff: Client, device: Device) -> None:
    other = Device.objects.create(serial="TC-0002")
    data = {"action": "rotate", "_selected_action": [device.pk, other.pk]}
    page = staff.post("/admin/devices/device/", data).content.decode()
    assert len(set(TOKEN.findall(page))) == 2
    assert DeviceToken.objects.count() == 2


def test_it_revokes_once_somebody_has_read_who_wears_it(
    staff: Client, token: str, patient: Patient
) -> None:
    row = DeviceToken.objects.get()
    assign_device(device=row.device, patient=patient)
    data = {"action": "revoke", "_selected_action": [row.pk]}
    asked = staff.post("/admin/devices/devicetoken/", data).content.decode()
    assert "P-001 Paula Example" in asked
    row.refresh_from_db()
    assert row.revoked_at is None
    data["sure"] = "on"
    response = staff.post("/admin/devices/devicetoken/", data, follow=True)
    assert "1 token is revoked." in response.content.decode()
    row.refresh_from_db()
    assert row.revoked_at is not None


def test_it_never_acts_on_a_get(staff: Client, device: Device, token: str) -> None:
    row = DeviceToken.objects.get()
    staff.get(f"/admin/devices/devicetoken/?action=revoke&_selected_action={row.pk}")
    staff.get(f"/admin/devices/device/{device.pk}/move/")
    row.refresh_from_db()
    assert row.revoked_at is None
    assert not Assignment.objects.exists()


def test_it_tells_the_device_of_a_new_setting_only(
    staff: Client, device: Device
) -> None:
    data = {"serial": device.serial, "name": "Strap", "fs": 250}
    data |= {"upload_interval_s": 1, "notch_hz": 50}
    data |= {"assignments-TOTAL_FORMS": 0, "assignments-INITIAL_FORMS": 0}
    page = f"/admin/devices/device/{device.pk}/change/"
    assert staff.post(page, data).status_code == 302
    device.refresh_from_db()
    assert (device.name, device.config_version) == ("Strap", 1)
    assert staff.post(page, data | {"fs": 500, "name": "Belt"}).status_code == 302
    device.refresh_from_db()
    assert (device.name, device.fs, device.config_version) == ("Belt", 500, 2)


def _times(**times: datetime | None) -> dict[str, str]:
    data = {}
    for name, at in times.items():
        data[f"{name}_0"] = f"{at:%Y-%m-%d}" if at else ""
        data[f"{name}_1"] = f"{at:%H:%M:%S}" if at else ""
    return data


def test_it_assigns_a_device(staff: Client, device: Device, patient: Patient) -> None:
    data = {"device": device.pk, "patient": patient.pk}
    data |= _times(start_at=NOW, end_at=None)
    response = staff.post("/admin/devices/assignment/add/", data)
    assert response.status_code == 302
    assignment = Assignment.objects.get()
    assert (assignment.device, assignment.patient) == (device, patient)
    assert (assignment.start_at, assignment.end_at) == (NOW, None)


def test_it_says_who_wears_the_device_already(
    staff: Client, assignment: Assignment, other_patient: Patient
) -> None:
    data = {"device": assignment.device.pk, "patient": other_patient.pk}
    data |= _times(start_at=timezone.now(), end_at=None)
    response = staff.post("/admin/devices/assignment/add/", data)
    assert response.status_code == 200
    assert "This device is worn by another patient" in response.content.decode()
    assert Assignment.objects.count() == 1


def test_it_refuses_an_end_before_the_start(
    staff: Client, device: Device, patient: Patient
) -> None:
    data = {"device": device.pk, "patient": patient.pk}
    data |= _times(start_at=NOW, end_at=NOW - timedelta(hours=1))
    response = staff.post("/admin/devices/assignment/add/", data)
    assert response.status_code == 200
    assert "The end must be after the start." in response.content.decode()


def test_it_ends_an_assignment(staff: Client, assignment: Assignment) -> None:
    end = timezone.now().replace(microsecond=0)
    page = f"/admin/devices/assignment/{assignment.pk}/change/"
    assert staff.post(page, _times(end_at=end)).status_code == 302
    assignment.refresh_from_db()
    assert assignment.end_at == end
    # What has ended stays as it is.
    later = _times(end_at=end + timedelta(hours=1))
    staff.post(page, later)
    assignment.refresh_from_db()
    assert assignment.end_at == end


def test_it_refuses_an_end_that_would_leave_samples_behind(
    staff: Client, assignment: Assignment
) -> None:
    now = timezone.now()
    Record.objects.create(
        device=assignment.device,
        stream="00000000000000aa",
        assignment=assignment,
        patient=assignment.patient,
        fs=250,
        leads=["I"],
        gain=1000,
        baseline=0,
        started_at=now - timedelta(minutes=10),
        end_sample=250 * 600,
        last_received_at=now,
    )
    page = f"/admin/devices/assignment/{assignment.pk}/change/"
    response = staff.post(page, _times(end_at=now - timedelta(minutes=5)))
    assert response.status_code == 200
    assert "are stored with P-001" in response.content.decode()
    assignment.refresh_from_db()
    assert assignment.end_at is None


def test_it_moves_a_device(
    staff: Client, assignment: Assignment, other_patient: Patient
) -> None:
    page = f"/admin/devices/device/{assignment.device.pk}/move/"
    assert "Paula Example" in staff.get(page).content.decode()
    response = staff.post(page, {"patient": other_patient.pk, "at_0": "", "at_1": ""})
    assert response.status_code == 302
    assignment.refresh_from_db()
    now = Assignment.objects.get(end_at=None)
    assert now.patient == other_patient
    assert assignment.end_at == now.start_at


def test_it_refuses_to_move_to_a_patient_who_wears_another(
    staff: Client, assignment: Assignment, other_patient: Patient
) -> None:
    other = Device.objects.create(serial="TC-0002")
    Assignment.objects.create(device=other, patient=other_patient, start_at=NOW)
    page = f"/admin/devices/device/{assignment.device.pk}/move/"
    response = staff.post(page, {"patient": other_patient.pk, "at_0": "", "at_1": ""})
    assert response.status_code == 200
    assert "P-002 wears TC-0002" in response.content.decode()
    assignment.refresh_from_db()
    assert assignment.end_at is None


def test_it_gives_a_held_record_to_a_patient(
    staff: Client, staff_user: User, assignment: Assignment
) -> None:
    record = Record.objects.create(
        device=assignment.device,
        stream="00000000000000aa",
        fs=250,
        leads=["I"],
        gain=1000,
        baseline=0,
        started_at=NOW,
        time_uncertain=True,
    )
    page = f"/admin/devices/record/{record.pk}/change/"
    assert "P-001 Paula Example" in staff.get(page).content.decode()
    response = staff.post(page, {"assignment": assignment.pk}, follow=True)
    assert "The record now belongs to" in response.content.decode()
    record.refresh_from_db()
    assert record.patient == assignment.patient
    assert staff.get(page).status_code == 302  # No longer among the held.


def upload(by: User, patient: Patient | None = None) -> Record:
    return create_file_record(
        uploaded_by=by,
        patient=patient,
        name="holter.csv",
        fs=250,
        leads=["I"],
        gain=1000,
        baseline=0,
        started_at=NOW,
        samples=np.zeros((2500, 1), np.int16),
    )


def test_it_hands_over_what_a_closed_account_left(
    staff: Client, alice: User, bob: User, patient: Patient
) -> None:
    record, other = upload(alice), upload(alice, patient)
    here = "/admin/devices/orphanedrecording/"
    page = f"{here}{record.pk}/change/"
    assert "holter.csv" not in staff.get(here).content.decode()
    assert staff.get(page).status_code == 302
    User.objects.filter(pk=alice.pk).update(is_active=False)
    listed = staff.get(here).content.decode()
    assert page in listed
    assert f"{here}{other.pk}/change/" not in listed  # Its patient's doctors see it.
    form = staff.get(page).content.decode()
    assert f'<option value="{bob.pk}"' in form
    assert f'<option value="{alice.pk}"' not in form
    response = staff.post(page, {"doctor": bob.pk}, follow=True)
    assert f"The recording is now with {bob}" in response.content.decode()
    assert staff.get(page).status_code == 302
    staff.force_login(bob)
    assert staff.get(f"/records/{record.pk}/").status_code == 200


def test_nobody_is_handed_what_is_not_orphaned(
    staff: Client, alice: User, bob: User
) -> None:
    record = upload(alice)
    page = f"/admin/devices/orphanedrecording/{record.pk}/change/"
    staff.post(page, {"doctor": bob.pk})
    record.refresh_from_db()
    assert record.uploaded_by == alice


def test_it_puts_a_planned_end_off_or_takes_it_back(
    staff: Client, assignment: Assignment
) -> None:
    planned = timezone.now().replace(microsecond=0) + timedelta(days=30)
    Assignment.objects.filter(pk=assignment.pk).update(end_at=planned)
    page = f"/admin/devices/assignment/{assignment.pk}/change/"
    for end_at in (planned + timedelta(days=5), None):
        assert staff.post(page, _times(end_at=end_at)).status_code == 302
        assignment.refresh_from_db()
        assert assignment.end_at == end_at
    assert Assignment.objects.covering(timezone.now()).get() == assignment


def test_it_puts_no_end_off_into_the_time_of_another(
    staff: Client, assignment: Assignment, other_patient: Patient
) -> None:
    planned = timezone.now().replace(microsecond=0) + timedelta(days=30)
    Assignment.objects.filter(pk=assignment.pk).update(end_at=planned)
    assign_device(device=assignment.device, patient=other_patient, start_at=planned)
    page = f"/admin/devices/assignment/{assignment.pk}/change/"
    for end_at in (planned + timedelta(days=5), None):
        answer = staff.post(page, _times(end_at=end_at)).content.decode()
        assert "is worn by P-002 at that time" in answer
    assignment.refresh_from_db()
    assert assignment.end_at == planned


def test_it_ends_an_assignment_before_its_planned_end(
    staff: Client, assignment: Assignment
) -> None:
    planned = timezone.now() + timedelta(days=300)
    Assignment.objects.filter(pk=assignment.pk).update(end_at=planned)
    now = timezone.now().replace(microsecond=0)
    page = f"/admin/devices/assignment/{assignment.pk}/change/"
    assert staff.post(page, _times(end_at=now)).status_code == 302
    assignment.refresh_from_db()
    assert assignment.end_at == now


def test_it_retires_a_device_now_or_not_at_all(staff: Client, device: Device) -> None:
    data = {"serial": device.serial, "fs": 250, "upload_interval_s": 1, "notch_hz": 50}
    data |= {"assignments-TOTAL_FORMS": 0, "assignments-INITIAL_FORMS": 0}
    page = f"/admin/devices/device/{device.pk}/change/"
    soon = _times(retired_at=timezone.now() + timedelta(days=30))
    response = staff.post(page, data | soon)
    assert "A device is retired at once" in response.content.decode()
    assert staff.post(page, data | _times(retired_at=NOW)).status_code == 302
    response = staff.post("/admin/devices/devicetoken/add/", {"device": device.pk})
    assert "This device is retired" in response.content.decode()
    with pytest.raises(CommandError, match="is retired"):
        call_command("issue_token", device.serial)
    assert not DeviceToken.objects.exists()
