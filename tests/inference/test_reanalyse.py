"""Another version over stored records: beside what was said live, and switchable."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from devices.ecg_model import synthesise
from devices.models import Record, Segment
from devices.segment_files import segment_store
from devices.segment_reading import kept_segments
from devices.services import compact_record
from inference.models import (
    Alarm,
    AlarmChange,
    AnalysisState,
    BeatBlock,
    Episode,
    MailDelivery,
    Reanalysis,
)
from inference.nets import annotator, nets
from inference.services.analysis import analyse_pending
from inference.services.beats import beats_between
from inference.services.episodes import episodes_of
from inference.services.reanalysing import (
    CannotReanalyse,
    TakenOver,
    open_reanalysis,
    run_reanalysis,
)
from inference.services.versions import annotators_of, keep_older
from patients.models import Patient
from tests.files.uploads import stored_recording

pytestmark = pytest.mark.slow

FS = 250
SECONDS = 1000.5
STARTED_AT = datetime(2026, 3, 2, 7, tzinfo=UTC)
VT = synthesise("vt", fs=FS, seconds=SECONDS, seed=3)
NOW = datetime(2026, 3, 3, tzinfo=UTC)


@pytest.fixture
def record(alice, patient) -> Record:
    """Return a file, analysed live by an older version."""
    record = stored_recording(VT.mv, by=alice, patient=patient, started_at=STARTED_AT)
    for _ in range(5):
        analyse_pending(now=timezone.now())
    assert AnalysisState.objects.get().flushed_sample == len(VT.mv)
    BeatBlock.objects.update(annotator="tc-old")
    Episode.objects.update(annotator="tc-old")
    return record


def beats_by(record: Record, name: str | None = None):
    return beats_between(record, 0, record.end_sample + 1, annotator=name)


def told(record: Record, name: str | None = None) -> list[tuple[object, ...]]:
    rows = episodes_of(record, annotator=name)
    return list(rows.values_list("label", "onset_sample", "end_sample", "beats"))


def everything() -> list[object]:
    """Return all that a person saw, did or was sent, and the live analysis."""
    models = (Alarm, AlarmChange, MailDelivery, AnalysisState)
    rows = [list(model.objects.order_by("pk").values()) for model in models]
    live = (BeatBlock.objects, Episode.objects)
    return rows + [list(manager.order_by("pk").values()) for manager in live]


def test_it_keeps_new_results_beside_the_old(record, capsys):
    before = everything()
    call_command("reanalyse", record.pk)
    assert everything() == before
    out = capsys.readouterr().out
    assert f"live → {annotator()}" in out
    assert "agreement  100.00% of all beats" in out
    assert out.count(" 0 episodes") == 2
    old, new = beats_by(record, "tc-old"), beats_by(record, annotator())
    assert len(old.samples) > 1000
    np.testing.assert_array_equal(old.samples, new.samples)
    np.testing.assert_array_equal(old.classes, new.classes)
    np.testing.assert_array_equal(old.rr_ms, new.rr_ms)
    assert told(record, annotator()) == told(record, "tc-old")
    assert {label for label, *_ in told(record)} >= {"VT"}
    assert annotators_of(record) == [("tc-old", True), (annotator(), False)]


def test_it_does_nothing_twice(record):
    call_command("reanalyse", record.pk)
    rows = list(BeatBlock.every.order_by("pk").values())
    call_command("reanalyse", record.pk)
    assert list(BeatBlock.every.order_by("pk").values()) == rows
    assert Reanalysis.objects.count() == 1


def test_it_has_nothing_to_do_where_the_version_is_the_same(record, capsys):
    BeatBlock.objects.update(annotator=annotator())
    call_command("reanalyse", "--all")
    assert "said all of it already" in capsys.readouterr().out
    assert not Reanalysis.objects.exists()


def test_it_shows_what_is_made_current_and_goes_back(record):
    call_command("reanalyse", record.pk, "--make-current")
    reanalysis = Reanalysis.objects.get()
    for block in BeatBlock.every.filter(reanalysis=reanalysis):
        block.classes = bytes([2] * block.count)
        block.save()
    Episode.every.filter(reanalysis=reanalysis, label="VT").delete()
    assert set(beats_by(record).classes) == {2}
    assert "VT" not in {label for label, *_ in told(record)}
    assert set(beats_by(record, "tc-old").classes) >= {0, 2}
    assert "VT" in {label for label, *_ in told(record, "tc-old")}
    call_command("reanalyse", record.pk, "--show-live")
    assert set(beats_by(record).classes) >= {0, 2}
    assert "VT" in {label for label, *_ in told(record)}


def test_it_shows_both_versions_on_the_page_of_the_recording(record, alice, client):
    call_command("reanalyse", record.pk)
    for block in BeatBlock.every.exclude(reanalysis=None):
        block.classes = bytes([1] * block.count)
        block.save()
    client.force_login(alice)
    page = client.get(f"/records/{record.pk}/").content.decode()
    assert "tc-old (shown)" in page
    assert f'href="?annotator={annotator()}"' in page
    address = f"/records/{record.pk}/window/?start=20"
    shown = client.get(address).json()["beats"]
    asked = client.get(f"{address}&annotator={annotator()}").json()["beats"]
    assert {beat["symbol"] for beat in asked} == {"S"}
    assert {beat["symbol"] for beat in shown} != {"S"}
    assert client.get(f"{address}&annotator=nobody").json()["beats"] == shown


def test_it_takes_a_span_in_whole_checkpoints(record):
    start, end = STARTED_AT + timedelta(minutes=7), STARTED_AT + timedelta(minutes=9)
    times = ["--from", start.isoformat(), "--to", end.isoformat()]
    call_command("reanalyse", record.pk, *times, "--make-current")
    reanalysis = Reanalysis.objects.get()
    span = (reanalysis.start_sample, reanalysis.end_sample)
    assert span == (300 * FS, 600 * FS)
    assert reanalysis.base_sample == 0
    old, shown = beats_by(record, "tc-old"), beats_by(record)
    np.testing.assert_array_equal(shown.samples, old.samples)
    assert told(record) == told(record, "tc-old")
    with pytest.raises(CommandError, match="1 of 1 records"):
        call_command("reanalyse", record.pk)


def test_it_says_the_same_of_a_span_as_of_the_whole(record):
    names = {"whole": 0, "late": 900 * FS}
    for name, start in names.items():
        one = open_reanalysis(
            record=record, annotator=name, start_sample=start, now=NOW
        )
        run_reanalysis(one, nets=nets(), now=NOW)
    late = Reanalysis.objects.get(annotator="late")
    assert late.base_sample == 300 * FS
    whole, part = beats_by(record, "whole"), beats_by(record, "late")
    inside = whole.samples >= part.samples[0]
    np.testing.assert_array_equal(whole.samples[inside], part.samples)
    np.testing.assert_array_equal(whole.classes[inside], part.classes)


def test_it_goes_on_where_it_was_stopped(record):
    one = open_reanalysis(record=record, annotator="tc-new", now=NOW)
    done: list[int] = []

    def stop(samples: int) -> None:
        done.append(samples)
        if len(done) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_reanalysis(one, nets=nets(), now=NOW, progress=stop)
    again = open_reanalysis(record=record, annotator="tc-new", now=NOW)
    assert (again.pk, again.cursor_sample) == (one.pk, 600 * FS)
    run_reanalysis(again, nets=nets(), now=NOW, progress=done.append)
    assert sum(done) == record.end_sample
    np.testing.assert_array_equal(
        beats_by(record, "tc-new").samples, beats_by(record, "tc-old").samples
    )
    assert told(record, "tc-new") == told(record, "tc-old")


def test_a_missing_file_is_said_and_stops_no_other_record(record, alice, capsys):
    other = stored_recording(VT.mv[: 400 * FS], by=alice, started_at=STARTED_AT)
    for _ in range(3):
        analyse_pending(now=timezone.now())
    rested = timezone.now() + timedelta(hours=1)
    end = record.end_sample
    assert compact_record(record=record, analysed_sample=end, now=rested)
    Path(segment_store().path(Segment.objects.all()[0].key)).unlink()
    kept_segments.clear()
    with pytest.raises(CommandError, match="1 of 2 records"):
        call_command("reanalyse", "--all", "--annotator-name", "tc-next")
    assert "its file is missing" in capsys.readouterr().err
    assert annotators_of(other) == [(annotator(), True), ("tc-next", False)]


def test_it_lets_one_run_at_a_time_write(record):
    one, two = (
        open_reanalysis(record=record, annotator="tc-new", now=NOW) for _ in range(2)
    )
    run_reanalysis(one, nets=nets(), now=NOW)
    with pytest.raises(TakenOver):
        run_reanalysis(two, nets=nets(), now=NOW)


def test_it_begins_again_when_its_state_cannot_be_read(record):
    one = open_reanalysis(record=record, annotator="tc-new", now=NOW)
    run_reanalysis(one, nets=nets(), now=NOW)
    count = BeatBlock.every.filter(reanalysis=one).count()
    one.state, one.cursor_sample, one.finished_at = b"older", 300 * FS, None
    one.save()
    run_reanalysis(one, nets=nets(), now=NOW)
    assert BeatBlock.every.filter(reanalysis=one).count() == count
    assert one.cursor_sample == record.end_sample


def test_it_leaves_what_is_not_settled(record):
    AnalysisState.objects.update(flushed_sample=None, cursor_sample=250 * FS)
    with pytest.raises(CannotReanalyse, match="nothing settled"):
        open_reanalysis(record=record, annotator="tc-new", now=NOW)
    AnalysisState.objects.update(cursor_sample=700 * FS)
    one = open_reanalysis(record=record, annotator="tc-new", now=NOW)
    assert one.end_sample == 600 * FS
    run_reanalysis(one, nets=nets(), now=NOW)
    AnalysisState.objects.update(cursor_sample=950 * FS)
    grown = open_reanalysis(record=record, annotator="tc-new", now=NOW)
    assert (grown.pk, grown.cursor_sample, grown.end_sample) == (
        one.pk,
        600 * FS,
        900 * FS,
    )


def test_it_keeps_what_an_older_version_said_live(record: Record, patient: Patient):
    before, episodes = beats_by(record), told(record)
    span = {"record": record, "start": 0, "stop": record.end_sample + 1}
    for _ in range(2):
        keep_older(**span, annotator=annotator(), now=NOW)
    assert not BeatBlock.objects.exists()
    # The live episodes stay, with their alarms; the older version's are copies.
    assert Episode.objects.count() == len(episodes)
    kept = beats_by(record, "tc-old")
    np.testing.assert_array_equal(kept.samples, before.samples)
    assert told(record, "tc-old") == episodes
    assert [row.patient for row in Episode.every.exclude(reanalysis=None)] == [
        patient
    ] * len(episodes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Name records"),
        (("1", "--all"), "Name records"),
        (("987654",), "No analysed record 987654"),
        (("1", "--from", "noon"), "'noon' is no time"),
    ],
)
@pytest.mark.django_db
def test_it_says_what_is_wrong_with_its_arguments(arguments, message):
    with pytest.raises(CommandError, match=message):
        call_command("reanalyse", *arguments)
