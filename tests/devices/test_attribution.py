"""A packet belongs to the patient who wore the device at the packet's own time."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from devices.models import Record
from devices.services import AssignmentError, assign_device, end_assignment, move_device
from tests.devices.conftest import FS, packet, results, timed

OTHER = "0" * 16


@pytest.fixture
def moved_at(device, assignment, other_patient, hour_ago) -> datetime:
    """Move the device to the other patient ten minutes into the hour."""
    at = hour_ago + timedelta(minutes=10)
    move_device(device=device, to_patient=other_patient, at=at)
    return at


def spans() -> dict[str, list[tuple[datetime, datetime]]]:
    """Return the first and last moment of what each patient has."""
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    for record in Record.objects.order_by("started_at"):
        first = record.chunks.order_by("first_sample").first()
        span = (record.time_of(first.first_sample), record.end_at)
        found.setdefault(record.patient.code, []).append(span)
    return found


def test_it_sorts_a_backlog_that_spans_a_move(
    upload, device, assignment, other_patient, hour_ago
):
    """The device recorded on; ten minutes of it arrive after the move."""
    assert upload(*[timed(seq, hour_ago) for seq in range(60)]).status_code == 200
    moved_at = hour_ago + timedelta(minutes=5)
    move_device(device=device, to_patient=other_patient, at=moved_at)

    refused = []
    for start in range(60, 660, 60):
        backlog = [timed(seq, hour_ago) for seq in range(start, start + 60)]
        response = upload(*backlog)
        refused += [
            one
            for one, result in zip(backlog, results(response), strict=True)
            if result == "stream_changed"
        ]
        assert response.status_code == (200 if start < 300 else 409)
    assert [one["seq"] for one in refused] == list(range(300, 660))

    # What a device does: a new stream, the same samples counted from there.
    based = [
        one | {"stream": OTHER, "seq": i, "first_sample": i * FS}
        for i, one in enumerate(refused)
    ]
    for start in range(0, 360, 60):
        assert upload(*based[start : start + 60]).status_code == 200

    end = hour_ago + timedelta(seconds=660)
    assert spans() == {"P-001": [(hour_ago, moved_at)], "P-002": [(moved_at, end)]}
    assert [r.sample_count for r in Record.objects.order_by("pk")] == [
        300 * FS,
        360 * FS,
    ]


def test_it_takes_packets_of_an_ended_assignment(upload, moved_at, hour_ago):
    assert upload(timed(0, hour_ago)).status_code == 200
    assert Record.objects.get().patient.code == "P-001"


def test_it_says_stream_changed_in_the_middle_of_a_batch(upload, moved_at, hour_ago):
    response = upload(*[timed(seq, hour_ago) for seq in (598, 599, 600, 601)])
    assert response.status_code == 207
    assert results(response) == ["stored"] * 2 + ["stream_changed"] * 2
    assert response.json()["next_seq"] == 600


def test_it_binds_a_stream_to_the_newer_patient_too(upload, moved_at, hour_ago):
    assert results(upload(timed(601, hour_ago))) == ["stored"]
    assert results(upload(timed(599, hour_ago))) == ["stream_changed"]
    assert Record.objects.get().patient.code == "P-002"


def test_it_says_no_patient_only_where_nobody_wore_it(
    upload, device, assignment, other_patient, hour_ago
):
    end_assignment(assignment=assignment, at=hour_ago + timedelta(seconds=10))
    assign_device(
        device=device,
        patient=other_patient,
        start_at=hour_ago + timedelta(seconds=20),
    )
    response = upload(*[timed(seq, hour_ago) for seq in (9, 10, 19, 20)])
    assert results(response) == [
        "stored",
        "no_patient",
        "no_patient",
        "stream_changed",
    ]
    before_all = assignment.start_at - timedelta(days=3)
    response = upload(timed(0, before_all, stream=OTHER))
    assert (response.status_code, results(response)) == (409, ["no_patient"])


def test_it_still_knows_a_duplicate_after_the_assignment_ended(
    upload, assignment, hour_ago
):
    upload(timed(0, hour_ago))
    end_assignment(assignment=assignment)
    response = upload(timed(0, hour_ago))
    assert (response.status_code, results(response)) == (200, ["duplicate"])


def test_it_starts_a_record_with_the_first_packet_that_is_somebodys(
    upload, device, patient, hour_ago
):
    assign_device(
        device=device, patient=patient, start_at=hour_ago + timedelta(seconds=5)
    )
    response = upload(*[timed(seq, hour_ago) for seq in range(10)])
    assert results(response) == ["no_patient"] * 5 + ["stored"] * 5
    record = Record.objects.get()
    assert record.sample_count == 5 * FS
    assert record.time_of(5 * FS) == hour_ago + timedelta(seconds=5)


def test_it_refuses_two_patients_for_a_device(device, assignment, other_patient):
    with pytest.raises(AssignmentError, match="is worn by P-001"):
        assign_device(device=device, patient=other_patient)


def test_it_refuses_two_devices_for_a_patient(device, assignment, patient):
    other = type(device).objects.create(serial="TC-0002")
    with pytest.raises(AssignmentError, match="P-001 wears Chest strap"):
        move_device(device=other, to_patient=patient)


def test_it_moves_a_device_in_one_step_or_not_at_all(
    device, assignment, patient, other_patient
):
    busy = type(device).objects.create(serial="TC-0002")
    assign_device(device=busy, patient=other_patient)
    with pytest.raises(AssignmentError):
        move_device(device=device, to_patient=other_patient)
    assignment.refresh_from_db()
    assert assignment.end_at is None


def test_it_refuses_an_end_before_samples_that_are_stored(upload, device, assignment):
    start_at = timezone.now() - timedelta(seconds=60)
    upload(*[timed(seq, start_at) for seq in range(50)])
    with pytest.raises(AssignmentError, match="end it later"):
        end_assignment(assignment=assignment, at=start_at + timedelta(seconds=20))
    end_assignment(assignment=assignment)
    with pytest.raises(AssignmentError, match="ended already"):
        end_assignment(assignment=assignment)


def test_it_attributes_by_the_map_where_a_packet_has_no_clock(
    upload, moved_at, hour_ago
):
    response = upload(timed(590, hour_ago), packet(599), packet(600))
    assert results(response) == ["stored", "stored", "stream_changed"]
