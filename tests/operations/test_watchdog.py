"""The banner says when a part of the platform stands still or lags, and only then."""

import time
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from devices.models import Record
from inference.models import Alarm, LifeSign, MailDelivery
from inference.models.life_sign import Part
from inference.services.life_signs import show_life
from inference.services.mails import NOT_SENT
from inference.tasks import (
    analyse_backfill,
    analyse_live,
    send_mails,
    watch_silent_patients,
)
from patients.models import User
from telecardio.celery import app, steady_now
from telecardio.operations import figures
from telecardio.operations.figures import forget_figures, read_figures
from telecardio.watchdog import troubles
from tests.devices.conftest import packet


@pytest.fixture
def now(db: None) -> datetime:
    """Return a time at which every part has just shown that it works."""
    now = timezone.now()
    for part in (Part.ANALYSIS, Part.BACKFILL, Part.MAIL, Part.BEAT):
        show_life(part, now=now)
    return now


def told(now: datetime) -> list[str]:
    return troubles(read_figures(now=now))


def test_it_is_silent_while_all_is_well(now: datetime) -> None:
    assert told(now) == []
    assert told(now + timedelta(seconds=30)) == []


def test_it_says_what_was_never_started(db: None) -> None:
    analysis, backlogs, mail = told(timezone.now())
    assert "Analysis stands still (it was never started)" in analysis
    assert "Backlogs and files are not analysed (it was never started)" in backlogs
    assert "Mail stands still (it was never started)" in mail


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Part.INGEST, "Uploads are not taken in"),
        (Part.ANALYSIS, "Analysis stands still"),
        (Part.MAIL, "Mail stands still"),
        (Part.BEAT, "The schedule stands still"),
    ],
)
def test_it_misses_a_part_after_half_a_minute(
    now: datetime, part: Part, words: str
) -> None:
    last_at = now - timedelta(seconds=31)
    LifeSign.objects.update_or_create(part=part, defaults={"at": last_at})
    [trouble] = told(now)
    assert trouble.startswith(f"{words} (since {last_at:%d %b %H:%M} UTC)")
    show_life(part, now=now)
    assert told(now) == []


def test_it_gives_backlogs_a_quarter_of_an_hour(now: datetime) -> None:
    LifeSign.objects.filter(part=Part.BACKFILL).update(at=now - timedelta(minutes=15))
    assert told(now) == []
    [trouble] = told(now + timedelta(seconds=1))
    assert trouble.startswith("Backlogs and files are not analysed (since ")


def test_tasks_show_that_they_run(db: None) -> None:
    began = timezone.now()
    for task in (analyse_live, analyse_backfill, watch_silent_patients, send_mails):
        task()
    assert set(
        LifeSign.objects.filter(at__gte=began).values_list("part", flat=True)
    ) == {
        "analysis",
        "backfill",
        "beat",
        "mail",
    }
    assert told(timezone.now()) == []


def test_it_writes_a_sign_of_life_seldom(now: datetime) -> None:
    def at() -> datetime:
        return LifeSign.objects.get(part=Part.MAIL).at

    show_life(Part.MAIL, now=now + timedelta(seconds=4))
    assert at() == now
    show_life(Part.MAIL, now=now + timedelta(seconds=5))
    assert at() == now + timedelta(seconds=5)
    # Shown by a clock that has been set back since.
    show_life(Part.MAIL, now=now - timedelta(hours=1))
    assert at() == now - timedelta(hours=1)


def test_it_says_when_analysis_lags_behind_the_present(
    upload, assignment, now: datetime
) -> None:
    start_at = now - timedelta(seconds=60)
    upload(
        *[
            packet(seq, at=(start_at + timedelta(seconds=seq)).isoformat())
            for seq in range(44)
        ]
    )
    assert told(now) == []
    upload(
        *[
            packet(seq, at=(start_at + timedelta(seconds=seq)).isoformat())
            for seq in range(44, 60)
        ]
    )
    [trouble] = told(now)
    assert trouble.startswith("Analysis lags for 1 patient: ")


def test_a_backlog_is_no_lag(upload, assignment, now: datetime) -> None:
    start_at = now - timedelta(hours=3)
    upload(
        *[
            packet(seq, at=(start_at + timedelta(seconds=seq)).isoformat())
            for seq in range(100)
        ]
    )
    assert Record.objects.get().end_sample == 25_000
    assert told(now) == []


def _mail(patient, now: datetime, due_s: int, **fields: object) -> None:
    alarm = Alarm.objects.create(
        patient=patient,
        rule="VT",
        priority=3,
        onset_at=now,
        detail="x",
        annotator="tc",
        raised_at=now,
    )
    MailDelivery.objects.create(
        alarm=alarm,
        address="alice@example.org",
        message_id="<1>",
        next_try_at=now - timedelta(seconds=due_s),
        queued_at=now,
        **fields,
    )


@pytest.mark.parametrize(
    ("tries", "due_s", "words"),
    [
        (0, 31, "Mails about alarms go out late."),
        (1, -60, "The mail server takes no mail"),
        (0, 20, ""),
        (0, -600, ""),
    ],
)
def test_it_says_when_mail_lags(
    patient, now: datetime, tries: int, due_s: int, words: str
) -> None:
    _mail(patient, now, due_s, tries=tries)
    found = told(now)
    assert len(found) == bool(words)
    assert "".join(found).startswith(words)


@pytest.mark.parametrize(
    ("answer", "tried_s", "is_told"),
    [
        ("554 5.7.1 rejected", 3599, True),
        ("554 5.7.1 rejected", 3601, False),
        (NOT_SENT, 10, False),
    ],
)
def test_it_says_for_an_hour_that_mail_was_refused(
    patient, now: datetime, answer: str, tried_s: int, is_told: bool
) -> None:
    _mail(patient, now, tried_s, state=MailDelivery.State.FAILED, smtp_answer=answer)
    assert [words[:36] for words in told(now)] == (
        ["1 mail about an alarm was refused an"] if is_told else []
    )


def test_it_says_when_an_alarm_has_no_mail_yet(patient, now: datetime) -> None:
    _mail(patient, now, -60)
    Alarm.objects.update(raised_at=now - timedelta(seconds=31))
    assert told(now) == ["Mails about alarms go out late."]
    Alarm.objects.update(notified_at=now)
    assert told(now) == []


def test_it_says_that_it_cannot_know(
    client: Client, alice: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(alice)
    monkeypatch.setattr(figures, "QUERY_MS", 200)
    slow = LifeSign.objects.extra(where=["pg_sleep(1) IS NOT NULL"])
    monkeypatch.setattr(LifeSign, "objects", slow)
    forget_figures()
    page = client.get(reverse("watchdog"))
    assert "The database is too slow to say whether all is well." in page.text
    assert "Do not rely on alarms" in page.text
    # Who asks next is told at once.
    began = time.monotonic()
    assert "too slow" in client.get(reverse("watchdog")).text
    assert time.monotonic() - began < 0.2
    monkeypatch.undo()
    forget_figures()
    assert "too slow" not in client.get(reverse("watchdog")).text
    forget_figures()


def test_nobody_waits_for_figures_that_somebody_asks_for(now: datetime) -> None:
    forget_figures()
    before = figures.figures()
    with figures._Kept.lock:
        assert figures.figures() is before
    forget_figures()


def test_pages_carry_the_banner(client: Client, alice, kiosk, patient) -> None:
    for user, address in (
        (alice, reverse("wall")),
        (kiosk, reverse("wall")),
        (alice, reverse("patient", args=[patient.pk])),
    ):
        client.force_login(user)
        assert 'hx-get="/watchdog/?seen="' in client.get(address).text


def test_it_writes_the_banner_only_when_it_changes(
    client: Client, alice: User, db: None
) -> None:
    client.force_login(alice)
    forget_figures()
    first = client.get("/watchdog/?seen=")
    assert "Analysis stands still" in first.text
    seen = first.text.split("?seen=")[1].split('"')[0]
    assert client.get(f"/watchdog/?seen={seen}").status_code == 204
    for part in (Part.ANALYSIS, Part.BACKFILL, Part.MAIL, Part.BEAT):
        show_life(part, now=timezone.now())
    forget_figures()
    well = client.get(f"/watchdog/?seen={seen}")
    assert " hidden>" in well.text
    assert "stands still" not in well.text


def test_a_clock_that_is_set_back_hides_nobodys_end(now: datetime) -> None:
    back = now - timedelta(hours=1)
    # Nobody lives who would show it anew.
    assert len(told(back)) == 3
    for part in (Part.ANALYSIS, Part.BACKFILL, Part.MAIL, Part.BEAT):
        show_life(part, now=back)
    assert told(back) == []


def test_sweeps_are_due_by_a_clock_that_nobody_sets() -> None:
    for entry in app.conf.beat_schedule.values():
        due = entry["schedule"]
        assert due.nowfun is steady_now
        begun = steady_now() - due.run_every - timedelta(seconds=1)
        assert due.is_due(begun).is_due
