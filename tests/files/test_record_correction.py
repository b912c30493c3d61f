"""A recording of the wrong patient is given to the right one, or removed."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from devices.ecg_model import synthesise
from devices.models import Anchor, Chunk, Compaction, LooseFile, Record, Segment
from devices.segment_files import read_segment
from devices.services import remove_loose_files
from inference.models import (
    AnalysisState,
    BeatBlock,
    Checkpoint,
    Episode,
    PatientLimits,
)
from inference.nets import nets
from inference.services import analysis
from inference.services.analysis import analyse_pending
from inference.services.beats import beats_between
from inference.services.compacting import compact_pending
from inference.services.episodes import episodes_of
from inference.services.reanalysing import TakenOver, open_reanalysis, run_reanalysis
from inference.services.recordings import give_recording, remove_recording
from inference.services.versions import make_current
from patients.models import AccessLog, CareTeamMember, Patient
from tests.files.uploads import FS, STARTED_AT, stored_recording

VT = synthesise("vt", fs=FS, seconds=45.4, seed=3)

pytestmark = pytest.mark.django_db


@pytest.fixture
def record(alice, patient) -> Record:
    return stored_recording(VT.mv, by=alice, patient=patient)


@pytest.fixture
def treated(alice, other_patient):
    """Let alice treat the other patient, too."""
    other_patient.care_team.create(user=alice, relation="treats")
    return other_patient


def seen_on_page(client, record):
    page = client.get(f"/records/{record.pk}/").content.decode()
    [seen] = re.findall(r'name="seen" value="([^"]*)"', page)
    return seen


def give(client, record, patient, started_at="2024-05-06T07:00:00", seen=None):
    data = {
        "patient": patient.pk if patient else "",
        "started_at": started_at,
        "seen": seen or seen_on_page(client, record),
    }
    return client.post(f"/records/{record.pk}/give/", data, follow=True)


def given_away(record, patient, by, now):
    give_recording(
        record=record, patient=patient, started_at=STARTED_AT, by=by, now=now
    )


def remove(client, record, **data):
    return client.post(f"/records/{record.pk}/remove/", data, follow=True)


def log_of(patient):
    log = patient.access_log.exclude(action="recording")
    return list(log.order_by("pk").values_list("user__email", "action"))


def test_it_goes_to_another_patient_with_its_episodes(
    client, alice, patient, treated, record
):
    analyse_pending(now=timezone.now())
    assert Episode.objects.filter(record=record, patient=patient).exists()
    client.force_login(alice)
    page = give(client, record, treated).content.decode()
    assert f"The recording is now of {treated}." in page
    record.refresh_from_db()
    assert record.patient == treated
    assert set(Episode.every.values_list("patient", flat=True)) == {treated.pk}
    assert record.started_at == STARTED_AT
    assert log_of(patient) == [(alice.email, f"recording {record.pk} given away")]
    assert log_of(treated) == [(alice.email, f"recording {record.pk} received")]


def test_its_time_is_that_of_the_patients_clocks(client, alice, treated, record):
    analyse_pending(now=timezone.now())
    Patient.objects.filter(pk=treated.pk).update(time_zone="Europe/Berlin")
    [(first, last)] = Episode.objects.filter(label="VT").values_list(
        "onset_at", "end_at"
    )
    client.force_login(alice)
    page = client.get(f"/records/{record.pk}/").content.decode()
    assert 'value="2024-05-06T07:00:00"' in page
    give(client, record, treated)
    record.refresh_from_db()
    earlier = timedelta(hours=2)
    assert record.started_at == STARTED_AT - earlier
    assert record.time_of(0) == STARTED_AT - earlier
    [after] = Episode.objects.filter(label="VT").values_list("onset_at", "end_at")
    assert after == (first - earlier, last - earlier)
    # Seven o'clock stays seven o'clock.
    page = client.get(f"/records/{record.pk}/").content.decode()
    assert "2024-05-06 07:00:00 CEST" in page
    give(client, record, treated)
    assert Record.objects.get().started_at == record.started_at


def test_a_time_that_nobody_told_is_asked_for(client, alice, patient, record):
    """It was uploaded for nobody, as if it had begun at that moment."""
    now = timezone.now()
    Record.objects.update(patient=None, started_at=now)
    Anchor.objects.update(at=now)
    client.force_login(alice)
    page = client.get(f"/records/{record.pk}/").content.decode()
    [field] = re.findall(r'<input[^>]*name="started_at"[^>]*>', page)
    assert "value=" not in field
    for started_at, words in (
        ("", "Give the time at which it was recorded"),
        ("2999-01-01T00:00", "has not come yet"),
    ):
        answer = give(client, record, patient, started_at).content.decode()
        assert words in answer
    record.refresh_from_db()
    assert record.patient is None
    give(client, record, patient)
    record.refresh_from_db()
    assert (record.patient, record.started_at) == (patient, STARTED_AT)
    assert log_of(patient) == [
        (alice.email, f"recording {record.pk} received"),
        (alice.email, f"recording {record.pk} dated anew"),
    ]


def test_it_is_analysed_anew_under_the_limits_of_its_patient(
    client, alice, patient, treated, record
):
    now = timezone.now()
    analyse_pending(now=now)
    assert not Episode.objects.filter(label="TACHY").exists()
    PatientLimits.objects.create(patient=treated, hr_low_bpm=30, hr_high_bpm=60)
    given_away(record, treated, alice, now)
    analyse_pending(now=now)
    state = AnalysisState.objects.get()
    assert (state.settled, state.redo_from_sample) == (True, None)
    found = Episode.objects.filter(label="TACHY", patient=treated)
    assert found.exists()


def test_its_page_says_that_it_is_analysed_once_more(
    client, alice, patient, treated, record
):
    analyse_pending(now=timezone.now())
    PatientLimits.objects.create(patient=treated, hr_low_bpm=30, hr_high_bpm=60)
    client.force_login(alice)
    page = give(client, record, treated).content.decode()
    assert "It is analysed once more" in page
    assert "Analysed from the first" not in page
    analyse_pending(now=timezone.now())
    page = client.get(f"/records/{record.pk}/").content.decode()
    assert "Analysed from the first to the last sample" in page


def test_what_waits_to_be_analysed_anew_is_not_taken_for_compacted(
    alice, patient, treated, record
):
    now = timezone.now()
    analyse_pending(now=now)
    PatientLimits.objects.create(patient=treated, hr_low_bpm=30, hr_high_bpm=60)
    given_away(record, treated, alice, now)
    compact_pending(now=now + timedelta(hours=2))
    assert Compaction.objects.get().done_received_at is None
    analyse_pending(now=now)
    compact_pending(now=now + timedelta(hours=3))
    assert Segment.objects.exists()
    assert not Chunk.objects.exists()


@pytest.mark.slow
def test_a_long_one_is_then_as_if_it_had_been_uploaded_for_that_patient(
    alice, patient, treated
):
    """Its beats were packed, another version was shown, and a checkpoint was kept."""
    PatientLimits.objects.create(patient=treated, hr_low_bpm=30, hr_high_bpm=60)
    mv = synthesise("vt", fs=FS, seconds=700.4, seed=3).mv
    record = stored_recording(mv, by=alice, patient=patient)
    expected = stored_recording(mv, by=alice, patient=treated)
    now = timezone.now()
    while analyse_pending(now=now):
        pass
    assert Checkpoint.objects.filter(record=record).exists()
    reanalysis = open_reanalysis(record=record, annotator="tc-other", now=now)
    run_reanalysis(reanalysis, nets=nets(), now=now)
    make_current(reanalysis=reanalysis)
    rested = now + timedelta(hours=2)
    while compact_pending(now=rested):
        pass
    packed = BeatBlock.objects.filter(record=record).count()
    given_away(Record.objects.get(pk=record.pk), treated, alice, now)
    while analyse_pending(now=now):
        pass

    def said(one):
        beats = beats_between(one, 0, one.end_sample + 1)
        episodes = episodes_of(one).values_list("label", "onset_sample", "end_sample")
        return beats.samples.tolist(), beats.classes.tolist(), list(episodes)

    assert said(record) == said(expected)
    assert "TACHY" in {label for label, _, _ in said(record)[2]}
    assert set(episodes_of(record).values_list("patient", flat=True)) == {treated.pk}
    assert BeatBlock.objects.filter(record=record).count() > packed
    # The rows that it left are made small like the first ones.
    later = rested + timedelta(hours=1)
    while compact_pending(now=later):
        pass
    assert BeatBlock.objects.filter(record=record).count() == packed


def test_whoever_uploaded_it_takes_it_back_to_see_it_alone(
    client, alice, bob, patient, record
):
    client.force_login(alice)
    page = give(client, record, None).content.decode()
    assert "only you see it" in page
    client.force_login(bob)
    assert client.get(f"/records/{record.pk}/").status_code == 404
    client.force_login(alice)
    assert "Wrong patient, or not needed?" in page
    assert give(client, record, patient).status_code == 200
    client.force_login(bob)
    assert client.get(f"/records/{record.pk}/").status_code == 200


def test_it_goes_to_nobody_whom_the_doctor_does_not_treat(
    client, alice, patient, other_patient, record
):
    client.force_login(alice)
    page = give(client, record, other_patient).content.decode()
    assert "Nothing was changed. Choose a patient whom you treat." in page
    other_patient.care_team.create(user=alice, relation="reads")
    give(client, record, other_patient)
    record.refresh_from_db()
    assert record.patient == patient
    assert log_of(other_patient) == log_of(patient) == []


@pytest.mark.parametrize("verb", ["give", "remove"])
def test_nobody_else_may(
    client, alice, bob, charlie, staff_user, patient_user, kiosk, patient, record, verb
):
    """Bob reads and does not treat; the others see nothing of it."""
    data = {"patient": "", "sure": "on"}
    address = f"/records/{record.pk}/{verb}/"
    for user, status in (
        (bob, 403),
        (charlie, 404),
        (staff_user, 404),
        (patient_user, 404),
        (kiosk, 404),
    ):
        client.force_login(user)
        assert client.post(address, data).status_code == status, user
        assert client.get(address).status_code == 405
    client.force_login(bob)
    assert "Wrong patient" not in client.get(f"/records/{record.pk}/").content.decode()
    client.logout()
    assert client.post(address, data).status_code == 302
    record.refresh_from_db()
    assert record.patient == patient


def test_another_who_treats_may_give_it_but_not_remove_it_or_take_it_away(
    client, alice, bob, patient, record
):
    CareTeamMember.objects.filter(user=bob).update(relation="treats")
    client.force_login(bob)
    page = client.get(f"/records/{record.pk}/").content.decode()
    assert "Wrong patient?" in page
    assert "No patient" not in page
    assert "Choose a patient" in give(client, record, None).content.decode()
    assert remove(client, record, sure="on").status_code == 403
    CareTeamMember.objects.filter(user=alice).update(relation="reads")
    assert "not needed?" in client.get(f"/records/{record.pk}/").content.decode()
    assert remove(client, record, sure="on").status_code == 200
    assert not Record.objects.exists()


def test_it_is_removed_with_all_that_was_found(client, alice, patient, record):
    analyse_pending(now=timezone.now())
    later = timezone.now() + timedelta(hours=2)
    assert compact_pending(now=later) == 1
    [key] = Segment.objects.values_list("key", flat=True)
    client.force_login(alice)
    page = remove(client, record).content.decode()
    assert "Nothing was removed" in page
    assert Record.objects.exists()
    page = remove(client, record, sure="on").content.decode()
    assert "“evening” and all that was found in it is removed." in page
    for model in (Record, Chunk, Segment, AnalysisState):
        assert not model.objects.exists(), model
    assert not Episode.every.exists()
    assert not BeatBlock.every.exists()
    assert log_of(patient) == [(alice.email, f"recording {record.pk} removed")]
    # A backup that has the rows still finds the file for some days.
    remove_loose_files(now=later)
    assert read_segment(key)
    remove_loose_files(now=timezone.now() + timedelta(days=8))
    with pytest.raises(FileNotFoundError):
        read_segment(key)
    assert not LooseFile.objects.exists()


@pytest.mark.parametrize("stage", ["store_lots", "store_flush"])
def test_a_worker_that_has_it_in_hand_keeps_nothing_for_the_patient_of_before(
    alice, patient, treated, record, monkeypatch, stage
):
    """It is given away after the analysis was computed, before it is kept."""
    now, real = timezone.now(), getattr(analysis, stage)
    claims = []

    def too_late(*given, **named):
        monkeypatch.setattr(analysis, stage, real)
        claims.append(AnalysisState.objects.get().claim)
        given_away(record, treated, alice, now)
        claims.append(AnalysisState.objects.get().claim)
        return real(*given, **named)

    monkeypatch.setattr(analysis, stage, too_late)
    analyse_pending(now=now)
    held, taken = claims
    assert held is not None
    assert taken is None
    analyse_pending(now=now + timedelta(seconds=30))
    state = AnalysisState.objects.get()
    assert state.flushed_sample == record.end_sample
    assert set(Episode.every.values_list("patient", flat=True)) == {treated.pk}


@pytest.mark.parametrize("stage", ["store_lots", "store_flush"])
def test_a_worker_that_has_it_in_hand_stands_its_removal(
    alice, record, monkeypatch, stage
):
    now, real = timezone.now(), getattr(analysis, stage)

    def too_late(*given, **named):
        remove_recording(record=record, by=alice, now=now)
        return real(*given, **named)

    monkeypatch.setattr(analysis, stage, too_late)
    analyse_pending(now=now)
    assert not Record.objects.exists()
    assert not Episode.every.exists()


def test_of_two_who_correct_it_at_once_the_second_is_told(
    alice, patient, treated, record
):
    now = timezone.now()
    seen = Record.objects.get(pk=record.pk)
    given_away(record, treated, alice, now)
    with pytest.raises(Record.DoesNotExist):
        given_away(seen, None, alice, now)
    with pytest.raises(Record.DoesNotExist):
        remove_recording(record=seen, by=alice, now=now)
    assert AccessLog.objects.filter(action__endswith=" received").count() == 1
    record.refresh_from_db()
    later = {"started_at": STARTED_AT + timedelta(hours=1), "by": alice, "now": now}
    give_recording(record=record, patient=treated, **later)
    with pytest.raises(Record.DoesNotExist):
        give_recording(record=record, patient=treated, **later)


def test_a_page_that_is_stale_undoes_nothing(client, alice, patient, treated, record):
    client.force_login(alice)
    seen = seen_on_page(client, record)
    give(client, record, treated)
    page = give(client, record, patient, seen=seen).content.decode()
    assert "Nothing was changed. Somebody has corrected it meanwhile" in page
    seen = seen_on_page(client, record)
    give(client, record, treated, "2024-05-06T08:00:00")
    page = give(client, record, treated, seen=seen).content.decode()
    assert "Somebody has corrected it meanwhile" in page
    record.refresh_from_db()
    assert record.patient == treated
    assert record.started_at == STARTED_AT + timedelta(hours=1)


@pytest.mark.parametrize("removed", [False, True])
def test_another_version_ends_its_run_where_the_recording_was_corrected(
    alice, patient, treated, record, removed
):
    now = timezone.now()
    analyse_pending(now=now)
    record.refresh_from_db()
    reanalysis = open_reanalysis(record=record, annotator="tc-other", now=now)
    if removed:
        remove_recording(record=record, by=alice, now=now)
    else:
        given_away(Record.objects.get(pk=record.pk), treated, alice, now)
    with pytest.raises(Record.DoesNotExist if removed else TakenOver):
        run_reanalysis(reanalysis, nets=nets(), now=now)
    assert not Episode.every.exclude(patient=treated).exists()
