"""Each VT is told by one alarm and a mail; late is only whose own signal was late."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from bench.chaos.alarm_truth import compare_alarms
from bench.chaos.arrival import arrived_at
from bench.chaos.found import Found
from bench.chaos.matching import Span, kept_silent, match
from devices.models import SEGMENT_S, Assignment, Chunk, Device, Record
from devices.services import compact_record
from inference.ecg.types import Episode as Seen
from inference.models import Alarm, Episode, MailDelivery

FS = 250
DOCTOR = "doctor@example.org"
# Three VTs of 4 s, a minute apart, as (onset, end) in s.
VTS = ((38, 42), (98, 102), (158, 162))


def test_each_alarm_answers_for_the_episode_that_it_touches() -> None:
    expected = [Span(100, 200), Span(400, 500)]
    alarms = [Span(110, 200), Span(380, 500), Span(250, 300)]
    assert match(expected, alarms) == ([[0], [1]], [2])


def test_an_alarm_without_an_end_answers_for_one_episode() -> None:
    expected = [Span(100, 200), Span(400, 500), Span(700, 800)]
    assert match(expected, [Span(100, None)]) == ([[0], [], []], [])
    assert match(expected, [Span(100, None), Span(400, 500)]) == ([[0], [1], []], [])


def test_an_episode_needs_no_alarm_while_its_rule_rests() -> None:
    near, far = Span(150, 180), Span(400, 500)
    spans = [Span(0, 100), near, far]

    def silent(*has_news: bool) -> list[bool]:
        return kept_silent(spans, has_news=has_news, rest_samples=100)

    assert silent(True, False, False) == [False, True, False]
    assert silent(True, True, True) == [False, False, False]
    # Nothing rests after an alarm that was late or is missing.
    assert silent(False, False, False) == [False, False, False]


@pytest.fixture
def record(device: Device, assignment: Assignment) -> Record:
    """Return five minutes of signal whose every second came when it was over."""
    start_at = timezone.now() - timedelta(hours=1)
    record = Record.objects.create(
        device=device,
        stream="5f0c9a1e77b24d10",
        assignment=assignment,
        patient=assignment.patient,
        fs=FS,
        leads=["I"],
        gain=1000.0,
        baseline=0,
        started_at=start_at,
        end_sample=SEGMENT_S * FS,
        sample_count=SEGMENT_S * FS,
        last_received_at=start_at + timedelta(seconds=SEGMENT_S),
    )
    Chunk.objects.bulk_create(
        Chunk(
            record=record,
            seq=second,
            first_sample=second * FS,
            n=FS,
            crc=0,
            data=bytes(2 * FS),
            received_at=start_at + timedelta(seconds=second + 1),
        )
        for second in range(SEGMENT_S)
    )
    return record


def _delay(record: Record, second: int, *, s: float) -> None:
    came_at = record.started_at + timedelta(seconds=second + 1 + s)
    Chunk.objects.filter(record=record, seq=second).update(received_at=came_at)


def _alarm(
    record: Record, onset_s: int, end_s: int | None, **given: Any
) -> tuple[Alarm, str]:
    """Raise an alarm with an episode of its own; return its Message-ID, too."""
    onset, end = onset_s * FS, None if end_s is None else end_s * FS
    label = given.get("rule", "VT")
    common: dict[str, Any] = {
        "record": record,
        "patient": record.patient,
        "onset_sample": onset,
        "end_sample": end,
        "onset_at": record.time_of(onset),
        "end_at": None if end is None else record.time_of(end),
    }
    state = "active" if end is None else "cleared"
    values = {"rule": label, "priority": 3, "state": state, "raised_at": timezone.now()}
    episode = Episode.objects.create(label=label, **common)
    alarm = Alarm.objects.create(**{**common, "episode": episode, **values, **given})
    mail = MailDelivery.objects.create(
        alarm=alarm,
        address=DOCTOR,
        message_id=f"<{alarm.pk}@example.org>",
        state="sent",
        queued_at=timezone.now(),
        next_try_at=timezone.now(),
    )
    return alarm, mail.message_id


def _seen(onset_s: int, end_s: int, label: str = "VT") -> Seen:
    return Seen(label, onset_s * FS, end_s * FS, peak=8.0, detail="", beats=8)


def _found(record: Record, *mailed: str) -> Found:
    found = Found()
    compare_alarms(
        found,
        record,
        [_seen(*vt) for vt in VTS],
        doctor=DOCTOR,
        mailed=Counter(mailed),
    )
    return found


def test_it_holds_with_an_alarm_and_a_mail_for_each_vt(record: Record) -> None:
    mailed = [_alarm(record, *vt)[1] for vt in VTS]
    found = _found(record, *mailed, mailed[0])
    assert (found.alarms, found.mails, found.mails_twice) == (3, 3, 1)
    assert found.wrong == []
    assert _found(record, *mailed[1:]).wrong == ["mails_missing"]


@pytest.mark.parametrize("has_ended", [False, True])
def test_an_alarm_that_never_ends_answers_for_none(
    record: Record, has_ended: bool
) -> None:
    alarm, mailed = _alarm(record, 38, None)
    if has_ended:
        Episode.objects.update(end_sample=42 * FS)
    found = _found(record, mailed)
    assert (found.alarms, found.alarms_missing, found.mails) == (3, 3, 0)
    assert "no alarm that has ended; there is ['VT" in found.told[0]
    assert "no alarm; there is" in found.told[1]


def test_it_counts_an_alarm_where_no_vt_is(record: Record) -> None:
    mailed = [_alarm(record, *vt)[1] for vt in VTS]
    _alarm(record, 60, 65)
    _alarm(record, 120, 125, late=True)
    found = _found(record, *mailed)
    assert (found.alarms_more, found.alarms_missing) == (1, 0)
    assert found.wrong == ["alarms_more"]


def test_it_counts_two_alarms_of_one_vt(record: Record) -> None:
    mailed = [_alarm(record, *vt)[1] for vt in (*VTS, (39, 42))]
    assert _found(record, *mailed).wrong == ["alarms_twice"]


def test_it_leaves_alarms_out_that_were_taken_back(record: Record) -> None:
    mailed = [_alarm(record, *vt)[1] for vt in VTS]
    for onset_s, rule in ((60, "VT"), (70, "ASYSTOLE")):
        alarm, _ = _alarm(record, onset_s, onset_s + 5, rule=rule)
        Episode.objects.filter(alarms=alarm).update(withdrawn_at=timezone.now())
    found = _found(record, *mailed)
    assert found.wrong == []
    assert found.alarms_withdrawn == {"VT": 1, "ASYSTOLE": 1}


def test_an_inherited_alarm_answers_for_its_heir(record: Record) -> None:
    mailed = [_alarm(record, *vt)[1] for vt in VTS[:2]]
    alarm, last = _alarm(record, 130, 162)
    Episode.objects.filter(alarms=alarm).update(onset_sample=158 * FS)
    assert _found(record, *mailed, last).wrong == []


def test_it_says_which_other_alarms_nobody_expects(record: Record) -> None:
    mailed = [_alarm(record, *vt)[1] for vt in VTS]
    _alarm(record, 60, 65, rule="PAUSE")
    assert _found(record, *mailed).alarms_other == {"PAUSE": 1}
    assert _found(record, *mailed).wrong == []
    _alarm(record, 60, 65, rule="ASYSTOLE")
    assert _found(record, *mailed).wrong == ["alarms_other"]


@pytest.mark.parametrize("is_packed", [False, True])
def test_only_its_own_signal_excuses_a_late_alarm(
    record: Record, is_packed: bool
) -> None:
    mailed = [_alarm(record, *vt)[1] for vt in VTS[1:]]
    _alarm(record, *VTS[0], late=True)
    _delay(record, 37, s=100)
    _delay(record, 42, s=100)
    _pack(record, is_packed)
    found = _found(record, *mailed)
    assert (found.alarms_late, found.wrong) == (1, ["alarms_wrongly_late"])


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_alarm_may_be_late_whose_signal_was(record: Record, is_packed: bool) -> None:
    mailed = [_alarm(record, *vt)[1] for vt in VTS[1:]]
    _alarm(record, *VTS[0], late=True)
    _delay(record, 41, s=100)
    _pack(record, is_packed)
    assert arrived_at(record, 38 * FS, 42 * FS) == _second(record, 142)
    found = _found(record, *mailed)
    assert (found.alarms_late, found.wrong) == (1, [])


def _pack(record: Record, is_packed: bool) -> None:
    if is_packed:
        end = record.end_sample
        assert compact_record(record=record, analysed_sample=end, now=timezone.now())
        assert not Chunk.objects.exists()


def _second(record: Record, second: int) -> datetime:
    return record.started_at + timedelta(seconds=second)


def test_there_is_no_arrival_of_what_is_not_stored(record: Record) -> None:
    Chunk.objects.all().delete()
    assert arrived_at(record, 38 * FS, 42 * FS) is None
