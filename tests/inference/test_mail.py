"""Alarms reach the people whom the alert rules name, once, through real SMTP."""

from datetime import timedelta
from email.header import decode_header, make_header
from email.message import Message

import pytest
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from pytest_django.fixtures import Settings

from inference.models import Alarm, AlertRule, MailDelivery
from inference.services import mails, notices
from inference.services.alarms import acknowledge_alarm, follow_condition
from inference.services.mails import send_due_mails
from inference.services.notices import queue_mails
from inference.services.recipients import may_see_signal
from patients.models import Patient, User
from telecardio.processes import free_port
from tests.inference.conditions import condition
from tests.inference.conftest import MailServer

NOW = timezone.now()
pytestmark = pytest.mark.django_db


def _after(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


def _raise(patient: Patient, rule: str = "VT", *, after_min: float = 0) -> Alarm:
    onset_at = NOW + _after(after_min)
    alarm = follow_condition(
        condition(patient, rule, onset_at=onset_at, ended=True), now=onset_at
    )
    assert alarm is not None
    return alarm


def _mail(*, after_min: float = 0) -> int:
    now = NOW + _after(after_min)
    queue_mails(now=now)
    return send_due_mails(now=now)


def _text(mail: Message) -> str:
    parts = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
    return parts[0].get_payload(decode=True).decode()


def test_it_mails_the_care_team_and_nobody_else(
    patient: Patient, charlie: User, mail_server: MailServer
) -> None:
    _raise(patient)
    assert _mail() == 2

    assert sorted(mail_server.addresses) == ["alice@example.org", "bob@example.org"]
    subject = str(make_header(decode_header(mail_server.mails[0]["Subject"])))
    assert subject == "PE P-001: Ventricular tachycardia"
    text = _text(mail_server.mails[0])
    assert f"/patients/{patient.pk}/" in text
    assert "not an emergency channel" in text
    assert "not a certified medical device" in text
    assert patient.last_name not in mail_server.mails[0].as_string()
    delivery = MailDelivery.objects.first()
    assert (delivery.state, delivery.smtp_answer[:3]) == ("sent", "250")
    assert mail_server.mails[0]["Message-ID"] in {
        one.message_id for one in MailDelivery.objects.all()
    }


def test_it_mails_once_however_often_the_sweep_runs(
    patient: Patient, mail_server: MailServer
) -> None:
    _raise(patient)
    assert [_mail(), _mail(), _mail(after_min=1)] == [2, 0, 0]


def test_it_leaves_low_and_late_alarms_unmailed(
    patient: Patient, mail_server: MailServer
) -> None:
    _raise(patient, "LEAD_OFF")
    long_ago = condition(patient, "VT", onset_at=NOW - _after(9), ended=True)
    follow_condition(long_ago, now=NOW)
    assert _mail() == 0


def test_it_mails_the_same_alarm_again_only_after_a_quarter_of_an_hour(
    patient: Patient, mail_server: MailServer
) -> None:
    _raise(patient)
    _mail()
    _raise(patient, after_min=10)
    assert _mail(after_min=10) == 0
    _raise(patient, after_min=20)
    assert _mail(after_min=20) == 2


def test_it_mails_nobody_who_left_or_was_shut_out(
    patient: Patient, alice: User, bob: User, mail_server: MailServer
) -> None:
    _raise(patient)
    queue_mails(now=NOW)
    bob.care_team_memberships.all().delete()
    alice.is_active = False
    alice.save()
    assert send_due_mails(now=NOW) == 0
    states = set(MailDelivery.objects.values_list("state", flat=True))
    assert states == {"failed"}


def test_it_mails_named_addresses_for_named_alarms_only(
    patient: Patient, charlie: User, mail_server: MailServer
) -> None:
    AlertRule.objects.all().delete()
    AlertRule.objects.create(
        name="On call",
        rules=["ASYSTOLE"],
        recipients=AlertRule.Recipients.ADDRESSES,
        # A doctor who may not see the patient gets nothing by this way either.
        addresses=["oncall@example.org", charlie.email],
    )
    _raise(patient, "VT")
    assert _mail() == 0
    _raise(patient, "ASYSTOLE")
    assert _mail() == 1
    assert mail_server.addresses == ["oncall@example.org"]


def test_it_tells_the_first_treating_doctor_of_a_long_silence(
    patient: Patient, alice: User, mail_server: MailServer
) -> None:
    silence = condition(patient, "NO_DATA", onset_at=NOW, lasted_s=30)
    alarm = follow_condition(silence, now=NOW + _after(0.5))
    assert alarm is not None
    assert [_mail(after_min=minutes) for minutes in (1, 14, 15, 16)] == [0, 0, 1, 0]
    assert mail_server.addresses == [alice.email]
    acknowledge_alarm(alarm=alarm, by=alice, reason="called", now=NOW + _after(20))
    assert _mail(after_min=31) == 0


def test_it_sends_a_digest_after_six_mails_in_an_hour(
    patient: Patient, bob: User, mail_server: MailServer
) -> None:
    bob.care_team_memberships.all().delete()
    AlertRule.objects.update(dedupe_min=0)
    for minute in range(10):
        _raise(patient, after_min=minute)
        _mail(after_min=minute)
    assert len(mail_server.mails) == 6
    assert MailDelivery.objects.filter(state="queued").count() == 4

    assert _mail(after_min=59) == 0
    assert _mail(after_min=61) == 1
    assert mail_server.mails[-1]["Subject"] == "Telecardio: 4 alarms"
    assert _text(mail_server.mails[-1]).count("P-001") == 4
    assert not MailDelivery.objects.exclude(state="sent").exists()


def test_it_tries_again_later_when_the_server_is_away(
    patient: Patient, mail_server: MailServer, settings: Settings
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, free_port()
    _raise(patient)
    assert _mail() == 0
    waiting = MailDelivery.objects.first()
    assert waiting.state == "queued"
    assert "refused" in waiting.smtp_answer
    settings.EMAIL_PORT = port
    assert _mail() == 0
    assert _mail(after_min=1) == 2


def test_a_digest_gives_up_only_what_has_waited_for_a_day(
    patient: Patient, bob: User, settings: Settings
) -> None:
    bob.care_team_memberships.all().delete()
    AlertRule.objects.update(dedupe_min=0)
    for minute in range(8):
        _raise(patient, after_min=minute)
    now = NOW + _after(8)
    queue_mails(now=now)
    old = MailDelivery.objects.first()
    long_ago = now - mails.GIVE_UP_AFTER
    MailDelivery.objects.filter(pk=old.pk).update(queued_at=long_ago, tries=40)
    settings.EMAIL_PORT = free_port()
    assert send_due_mails(now=now) == 0
    assert MailDelivery.objects.get(state="failed") == old
    waiting = MailDelivery.objects.filter(state="queued", tries=1)
    assert waiting.count() == 7
    assert {one.next_try_at for one in waiting} == {now + timedelta(seconds=15)}


def test_it_gives_up_when_the_server_refuses_for_good(
    patient: Patient, mail_server: MailServer
) -> None:
    mail_server.refusals = ["550 no such mailbox"]
    _raise(patient)
    assert _mail() == 1
    failed = MailDelivery.objects.get(state="failed")
    assert failed.smtp_answer == "550 no such mailbox"


def test_it_repeats_a_mail_under_the_same_id_after_a_crash(
    patient: Patient, mail_server: MailServer
) -> None:
    _raise(patient)
    queue_mails(now=NOW)
    # What a worker leaves that was killed between the claim and the answer.
    MailDelivery.objects.update(claimed_until=NOW + _after(2))
    assert send_due_mails(now=NOW + _after(1)) == 0
    assert send_due_mails(now=NOW + _after(3)) == 2


def test_the_mails_of_a_killed_worker_wait_a_minute_at_most(
    patient: Patient, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    _raise(patient)
    queue_mails(now=NOW)
    monkeypatch.setattr(mails.AnsweringBackend, "send_messages", killed)
    with pytest.raises(Killed):
        send_due_mails(now=NOW)
    monkeypatch.undo()
    assert send_due_mails(now=NOW + _after(0.5)) == 0
    assert send_due_mails(now=NOW + _after(1.1)) == 2


def test_it_leaves_a_mail_alone_that_another_worker_has_taken(
    patient: Patient, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _raise(patient)
    queue_mails(now=NOW)
    write, taken = mails.alarm_message, []

    def slow(delivery: MailDelivery) -> EmailMultiAlternatives:
        # While the first mail is written, the claim of the second runs out.
        if not taken:
            taken.append(delivery.pk)
            MailDelivery.objects.exclude(pk=delivery.pk).update(
                claimed_until=NOW + _after(5)
            )
        return write(delivery)

    monkeypatch.setattr(mails, "alarm_message", slow)
    assert send_due_mails(now=NOW) == 1
    assert len(mail_server.addresses) == 1
    (other,) = MailDelivery.objects.filter(state="queued")
    assert other.claimed_until == NOW + _after(5)


def test_it_never_mails_patients_the_machines_word_about_themselves(
    patient: Patient, patient_user: User, mail_server: MailServer
) -> None:
    AlertRule.objects.all().delete()
    AlertRule.objects.create(
        name="Addresses",
        recipients=AlertRule.Recipients.ADDRESSES,
        addresses=[patient_user.email, "oncall@example.org"],
    )
    _raise(patient)
    _mail()
    assert mail_server.addresses == ["oncall@example.org"]


def test_it_sends_the_others_when_one_mail_cannot_be_written(
    patient: Patient, other_patient: Patient, mail_server: MailServer
) -> None:
    _raise(patient, "ASYSTOLE")
    _raise(other_patient, "TACHY")
    queue_mails(now=NOW)
    # An alarm of a rule that this version does not know any more.
    Alarm.objects.filter(patient=patient).update(rule="GONE")

    assert send_due_mails(now=NOW) == 1
    assert mail_server.addresses == ["charlie@example.org"]
    stuck = MailDelivery.objects.filter(alarm__patient=patient)
    assert {(one.state, one.tries) for one in stuck} == {("queued", 1)}
    assert all(one.next_try_at > NOW and not one.claimed_until for one in stuck)


def test_it_gives_back_what_a_slow_server_leaves_no_time_for(
    patient: Patient, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mails, "SENDING_S", 0.0)
    _raise(patient)
    queue_mails(now=NOW)
    assert send_due_mails(now=NOW) == 0
    assert not MailDelivery.objects.exclude(claimed_until=None).exists()
    monkeypatch.undo()
    assert send_due_mails(now=NOW) == 2


def test_it_mails_staff_of_what_is_technical_alone(
    patient: Patient, staff_user: User, mail_server: MailServer
) -> None:
    AlertRule.objects.update(active=False)
    AlertRule.objects.create(
        name="Technician",
        rules=["NO_DATA", "VT"],
        min_priority=0,
        recipients=AlertRule.Recipients.ADDRESSES,
        addresses=[staff_user.email],
    )
    _raise(patient)
    assert _mail() == 0
    _raise(patient, "NO_DATA")
    assert _mail() == 1
    assert mail_server.addresses == [staff_user.email]
    told = Alarm.objects.get(rule="NO_DATA")
    # What they look after is no reason to see a signal.
    assert not may_see_signal(staff_user.email, told)
    assert may_see_signal("alice@example.org", told)


def test_a_mail_that_waited_says_who_has_acknowledged_meanwhile(
    patient: Patient, alice: User, mail_server: MailServer
) -> None:
    alarm = _raise(patient)
    queue_mails(now=NOW)
    patient.time_zone = "Asia/Tokyo"
    patient.save()
    acknowledge_alarm(alarm=alarm, by=alice, reason="", now=NOW + _after(2))
    assert send_due_mails(now=NOW + _after(3)) == 2
    at = (NOW + _after(2)).astimezone(patient.zone)
    said = f"Acknowledged by Alice Test at {at:%H:%M:%S} JST."
    assert said in _text(mail_server.mails[0])


def test_it_goes_on_trying_while_the_server_is_away_for_a_night(
    patient: Patient, settings: Settings, mail_server: MailServer
) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, free_port()
    _raise(patient)
    queue_mails(now=NOW)
    for hour in range(10):
        assert send_due_mails(now=NOW + timedelta(hours=hour)) == 0
    MailDelivery.objects.update(tries=40)
    assert send_due_mails(now=NOW + timedelta(hours=11)) == 0
    settings.EMAIL_PORT = port
    assert send_due_mails(now=NOW + timedelta(hours=12)) == 2


def test_an_alarm_that_cannot_be_queued_stops_no_other(
    patient: Patient, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = _raise(patient), _raise(patient, "ASYSTOLE", after_min=1)
    real = notices.message_id

    def failing(alarm: Alarm, *given: object) -> str:
        if alarm == first:
            raise ValueError("this alarm")
        return real(alarm, *given)

    monkeypatch.setattr(notices, "message_id", failing)
    assert _mail(after_min=2) == 2
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.notified_at is None
    assert second.notified_at is not None
    monkeypatch.undo()
    assert _mail(after_min=3) == 2


def test_a_host_of_any_length_can_mail(
    patient: Patient, mail_server: MailServer, settings
) -> None:
    settings.SITE_URL = f"https://{'.'.join(['telecardio'] * 12)}.example.org"
    _raise(patient)
    assert _mail() == 2
    assert mail_server.mails[0]["Message-ID"].endswith(".telecardio.invalid>")


@pytest.mark.parametrize("claimed", [False, True])
def test_a_clock_that_was_set_back_holds_up_no_mail(
    patient: Patient, mail_server: MailServer, *, claimed: bool
) -> None:
    _raise(patient)
    queue_mails(now=NOW)
    if claimed:
        # By a worker that was killed.
        MailDelivery.objects.update(claimed_until=NOW + timedelta(minutes=1))
    assert send_due_mails(now=NOW - timedelta(minutes=20)) == 2


def test_a_clock_that_was_set_back_holds_up_no_run(
    patient: Patient, mail_server: MailServer
) -> None:
    alarm = _raise(patient, "VRUN")
    Alarm.objects.update(state=Alarm.State.ACTIVE, priority=Alarm.Priority.HIGH)
    queue_mails(now=alarm.raised_at - timedelta(minutes=20))
    alarm.refresh_from_db()
    assert alarm.notified_at is not None
