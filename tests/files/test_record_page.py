"""The page of an uploaded recording: who sees it, and what it shows."""

import numpy as np
import pytest
from django.utils import timezone

from devices.ecg_model import synthesise
from devices.models import Record
from devices.services import create_file_record
from inference.files.record import MISSING
from inference.label_figures import released_figures
from inference.services.analysis import analyse_pending
from patients.models import AccessLog, CareTeamMember
from tests.files.uploads import FS, STARTED_AT, stored_recording

VT = synthesise("vt", fs=FS, seconds=90.4, seed=3)


def record_of(user, patient=None) -> Record:
    return stored_recording(VT.mv, by=user, patient=patient)


def pages(record: Record) -> list[str]:
    return [f"/records/{record.pk}/{part}" for part in ("", "progress/", "window/")]


def test_it_opens_to_the_care_team_and_to_nobody_else(
    client, alice, bob, charlie, staff_user, patient_user, kiosk, patient
):
    record = record_of(alice, patient)
    for user in (alice, bob):
        client.force_login(user)
        assert [client.get(page).status_code for page in pages(record)] == [200] * 3
    for user in (charlie, staff_user, patient_user, kiosk):
        client.force_login(user)
        assert [client.get(page).status_code for page in pages(record)] == [404] * 3
    client.logout()
    assert all(client.get(page).status_code == 302 for page in pages(record))


def test_it_closes_to_an_uploader_who_has_left_the_care_team(client, alice, patient):
    record = record_of(alice, patient)
    CareTeamMember.objects.filter(user=alice).delete()
    client.force_login(alice)
    assert [client.get(page).status_code for page in pages(record)] == [404] * 3


def test_it_shows_a_recording_without_a_patient_to_its_uploader_only(
    client, alice, bob, staff_user
):
    record = record_of(alice)
    client.force_login(alice)
    assert [client.get(page).status_code for page in pages(record)] == [200] * 3
    for user in (bob, staff_user):
        client.force_login(user)
        assert [client.get(page).status_code for page in pages(record)] == [404] * 3


def test_it_does_not_show_what_a_device_records(client, alice, patient, device):
    record = Record.objects.create(
        device=device,
        stream="5f0c9a1e77b24d10",
        patient=patient,
        fs=FS,
        leads=["II"],
        gain=200,
        baseline=0,
        started_at=STARTED_AT,
    )
    client.force_login(alice)
    assert client.get(f"/records/{record.pk}/").status_code == 404
    assert client.get("/records/999999/").status_code == 404


def test_it_logs_who_looked(client, bob, alice, patient):
    record = record_of(alice, patient)
    client.force_login(bob)
    for page in pages(record):
        client.get(page)
    assert [(entry.user, entry.action) for entry in AccessLog.objects.all()] == [
        (bob, "recording")
    ]


def test_it_tells_how_far_the_analysis_is(client, alice):
    record = record_of(alice)
    client.force_login(alice)
    fragment = client.get(f"/records/{record.pk}/progress/")
    assert "Waiting for the analysis" in fragment.content.decode()
    assert "every 1s" in fragment.content.decode()
    assert "HX-Refresh" not in fragment
    analyse_pending(now=timezone.now())
    record.analysis.refresh_from_db()
    record.analysis.flushed_sample = None
    record.analysis.cursor_sample = 45 * FS
    record.analysis.save()
    fragment = client.get(f"/records/{record.pk}/progress/")
    assert "Analysing: 49 % done" in fragment.content.decode()
    assert "provisional" in client.get(f"/records/{record.pk}/").content.decode()


def test_it_shows_labels_episodes_summary_and_suggestion(client, alice):
    record = record_of(alice)
    analyse_pending(now=timezone.now())
    client.force_login(alice)
    assert client.get(f"/records/{record.pk}/progress/")["HX-Refresh"] == "true"
    page = client.get(f"/records/{record.pk}/").content.decode()
    assert "Analysed from the first to the last sample" in page
    assert "ventricular tachycardia" in page
    assert "show to a doctor today" in page
    assert "not reviewed by a person" in page
    figures = released_figures()
    for words in (
        figures.legend(),
        figures.source,
        figures.beat_words("V"),
        figures.episode_words("VT"),
    ):
        assert words in page
    found = {}
    for start in range(0, 90, 10):
        window = client.get(f"/records/{record.pk}/window/?start={start}").json()
        for beat in window["beats"]:
            found[round(beat["at_s"] * FS)] = beat
    truth = dict(zip(VT.r_peaks.tolist(), VT.symbols, strict=True))
    matched = 0
    for sample, symbol in truth.items():
        near = [b for at, b in found.items() if abs(at - sample) <= 0.15 * FS]
        matched += any(beat["symbol"] == symbol for beat in near)
    assert matched >= 0.9 * len(truth)
    assert {beat["word"] for beat in found.values()} >= {"normal", "ventricular"}
    assert {beat["figure"] for beat in found.values()} == {
        figures.beat_short(beat["symbol"]) for beat in found.values()
    }
    assert "Rhythm of the recording:" in page
    assert all(0 < beat["probability"] <= 1 for beat in found.values())


def test_it_sends_the_window_that_is_asked_for(client, alice):
    record = record_of(alice)
    client.force_login(alice)
    url = f"/records/{record.pk}/window/"
    window = client.get(url, {"start": 20, "seconds": 2}).json()
    assert (window["start_s"], window["end_s"], window["duration_s"]) == (20, 22, 90.4)
    [lead] = window["leads"]
    np.testing.assert_allclose(lead["mv"], VT.mv[20 * FS : 22 * FS], atol=6e-4)
    assert (window["beats"], window["analysed_s"]) == ([], 0)
    assert len(client.get(url, {"seconds": 30}).json()["leads"][0]["mv"]) == 30 * FS


def test_it_sends_the_outline_of_a_long_window(client, alice):
    client.force_login(alice)
    record = record_of(alice)
    url = f"/records/{record.pk}/window/"
    outline = client.get(url, {"seconds": 1e9}).json()
    assert (outline["start_s"], outline["end_s"]) == (0, 90.4)
    [lead] = outline["leads"]
    assert len(lead["low_mv"]) == len(lead["high_mv"]) < 2000
    assert "mv" not in lead
    part = client.get(url, {"start": 20, "seconds": 31}).json()
    assert part["start_s"] <= 20
    assert part["end_s"] >= 51
    for start in ("x", "-5", "nan", "inf", "1e300", ""):
        assert client.get(url, {"start": start}).status_code == 200
    assert client.get(url, {"start": 1e9}).json()["end_s"] == 90.4


def test_it_says_null_where_nothing_is_stored(client, alice):
    record = record_of(alice)
    record.chunks.get(first_sample=10 * FS).delete()
    client.force_login(alice)
    window = client.get(f"/records/{record.pk}/window/?start=9&seconds=2").json()
    assert window["leads"][0]["mv"][FS:] == [None] * FS
    assert None not in window["leads"][0]["mv"][:FS]


def test_it_says_null_where_the_file_held_no_sample(client, alice):
    samples = np.tile(np.int16([[100, 200]]), (FS, 1))
    samples[50:60, 1] = MISSING
    record = create_file_record(
        uploaded_by=alice,
        patient=None,
        name="gaps",
        fs=FS,
        leads=["II", "V5"],
        gain=200,
        baseline=0,
        started_at=STARTED_AT,
        samples=samples,
    )
    client.force_login(alice)
    first, second = client.get(f"/records/{record.pk}/window/").json()["leads"]
    assert first["mv"] == [0.5] * FS
    assert second["mv"] == [1.0] * 50 + [None] * 10 + [1.0] * (FS - 60)


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_only_for_reading(client, alice, method):
    record = record_of(alice)
    client.force_login(alice)
    assert all(getattr(client, method)(p).status_code == 405 for p in pages(record))


def test_it_shows_time_in_the_patients_zone(client, alice, patient):
    patient.time_zone = "Asia/Tokyo"
    patient.save()
    record = record_of(alice, patient)
    client.force_login(alice)
    page = client.get(f"/records/{record.pk}/").content.decode()
    assert "2024-05-06 16:00:00" in page


def test_it_offers_windows_that_are_shorter_than_the_recording(client, alice):
    record = record_of(alice)
    client.force_login(alice)
    # 90.4 s long; whatever else is asked for is the shortest.
    for asked, shown in (("30", "30"), ("91", "91"), ("300", "10"), ("x", "10")):
        page = client.get(f"/records/{record.pk}/", {"seconds": asked})
        assert f'data-seconds="{shown}"' in page.text
        for seconds in (10, 30, 91):
            assert f'<option value="{seconds}"' in page.text
        assert '<option value="300"' not in page.text


def test_it_is_found_again_by_who_may_see_it(
    client, alice, bob, charlie, staff_user, patient
):
    own, shared = record_of(alice), record_of(alice, patient)
    upload, page = "/records/upload/", f"/patients/{patient.pk}/"
    links = [f'href="/records/{record.pk}/"' for record in (own, shared)]

    def linked(user, address):
        client.force_login(user)
        found = client.get(address).content.decode()
        return [link in found for link in links]

    assert linked(alice, upload) == [True, True]
    assert linked(alice, page) == linked(bob, page) == [False, True]
    for user, address in ((bob, upload), (charlie, upload), (staff_user, page)):
        assert linked(user, address) == [False, False]
    # Who has left the care team sees the patient's no more.
    CareTeamMember.objects.filter(user=alice).delete()
    assert linked(alice, upload) == [True, False]
