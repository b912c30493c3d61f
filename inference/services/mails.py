"""Send the mails that are due: claim, send, record the answer."""

import logging
import smtplib
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Q, QuerySet

from inference.mail_message import alarm_message, digest_message
from inference.metrics import MAILS
from inference.models import MailDelivery
from inference.services.recipients import may_be_mailed
from inference.smtp import AnsweringBackend, answer_of, is_permanent

log = logging.getLogger(__name__)

BATCH = 50
# Taken anew for each mail, so that those of a killed worker wait no longer than this.
# A server that takes its time over one mail for longer may get that mail twice.
CLAIM = timedelta(minutes=1)
# Then the task ends, and gives back what it did not come to: who is asked to end waits
# no longer than this and a mail.
SENDING_S = 10.0
MAILS_PER_HOUR = 6
# A mail server may be away for a night; what is older tells nobody anything.
GIVE_UP_AFTER = timedelta(days=1)
NOT_SENT = "not sent: may no longer see this patient"
FIRST_RETRY_S, LONGEST_RETRY_S = 15, 900
# Nothing is put off for longer: who had six mails in an hour waits for the next.
LONGEST_WAIT = timedelta(hours=1, minutes=5)


def send_due_mails(*, now: datetime) -> int:
    """Send what is due and return how many mails went out.

    A crash between claim and answer repeats the mail under the same Message-ID:
    a duplicate is better than a lost one. Beyond six mails an hour, what waits
    for a recipient goes out together as one digest when the hour allows.
    """
    claimed = _claim(now=now)
    by_address: dict[str, list[MailDelivery]] = defaultdict(list)
    for delivery in claimed:
        if may_be_mailed(delivery.address, delivery.alarm):
            by_address[delivery.address].append(delivery)
        else:
            _fail([delivery], NOT_SENT)
    if not by_address:
        return 0
    backend = AnsweringBackend()
    claim, sent = _Claim(now), 0
    try:
        for address, deliveries in by_address.items():
            sent += _send_to(address, deliveries, backend, claim, now=now)
    finally:
        backend.close()
    return sent


class _Claim:
    """A batch that is being sent: each mail only while no other worker has taken it."""

    def __init__(self, now: datetime) -> None:
        self._now, self._start = now, time.monotonic()

    def seconds(self) -> float:
        """Return how long the sending has taken so far."""
        return time.monotonic() - self._start

    def hold(self, deliveries: list[MailDelivery]) -> list[MailDelivery]:
        """Take the mails anew; return those that were still ours.

        None of them once the time is over: then all are given back.
        """
        if self.seconds() > SENDING_S:
            self.give_back(deliveries)
            return []
        until = self._now + timedelta(seconds=self.seconds()) + CLAIM
        held = [
            one for one in deliveries if _as_claimed(one).update(claimed_until=until)
        ]
        for one in held:
            one.claimed_until = until
        return held

    def give_back(self, deliveries: list[MailDelivery]) -> None:
        """Leave the mails to whoever comes next."""
        for one in deliveries:
            _as_claimed(one).update(claimed_until=None)


def _as_claimed(one: MailDelivery) -> QuerySet[MailDelivery]:
    return _rows([one]).filter(claimed_until=one.claimed_until)


@transaction.atomic
def _claim(*, now: datetime) -> list[MailDelivery]:
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    due = Q(next_try_at__lte=now)
    # What a clock that was set back since said of the future is due as well.
    free |= Q(claimed_until__gt=now + 2 * CLAIM)
    due |= Q(queued_at__gt=now + CLAIM) | Q(next_try_at__gt=now + LONGEST_WAIT)
    rows = list(
        MailDelivery.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(free, due, state=MailDelivery.State.QUEUED)
        .select_related("alarm__patient", "alarm__record", "alert_rule")
        .order_by("-alarm__priority", "queued_at")[:BATCH]
    )
    _rows(rows).update(claimed_until=now + CLAIM)
    for row in rows:
        row.claimed_until = now + CLAIM
    return rows


def _send_to(
    address: str,
    deliveries: list[MailDelivery],
    backend: AnsweringBackend,
    claim: _Claim,
    *,
    now: datetime,
) -> int:
    recent = MailDelivery.objects.filter(
        address=address, sent_at__gt=now - timedelta(hours=1)
    ).order_by("sent_at")
    # A digest is one mail: its deliveries share one Message-ID.
    rows = recent.values_list("message_id", "sent_at")
    times = {message_id: sent_at for message_id, sent_at in rows if sent_at}
    left = MAILS_PER_HOUR - len(times)
    if left <= 0:
        slot_at = sorted(times.values())[-MAILS_PER_HOUR] + timedelta(hours=1)
        _rows(deliveries).update(
            claimed_until=None,
            next_try_at=slot_at,
            smtp_answer=f"held: {MAILS_PER_HOUR} mails in the last hour",
        )
        return 0
    if len(deliveries) > left:
        held = claim.hold(deliveries)
        if not held:
            return 0
        return _send(partial(digest_message, held), held, backend, now=now)
    return sum(
        _send(partial(alarm_message, one), [one], backend, now=now)
        for one in deliveries
        if claim.hold([one])
    )


def _send(
    write: Callable[[], EmailMessage],
    deliveries: list[MailDelivery],
    backend: AnsweringBackend,
    *,
    now: datetime,
) -> int:
    rows = _rows(deliveries)
    try:
        message = write()
        # Kept open for the next mail, and for the answer to this one.
        backend.open()
        backend.send_messages([message])
    except Exception as error:
        # One mail that cannot be written or sent must not stop those behind it.
        backend.close()
        answer = answer_of(error)
        unforeseen = not isinstance(error, (smtplib.SMTPException, OSError))
        log.warning(
            "Mail %s was not sent: %s",
            deliveries[0].message_id,
            answer,
            exc_info=unforeseen,
        )
        over = is_permanent(error)
        # In a digest each has its own age.
        last = [one for one in deliveries if over or _is_old(one, now=now)]
        _fail(last, answer)
        _retry([one for one in deliveries if one not in last], answer, now=now)
        return 0
    rows.update(
        state=MailDelivery.State.SENT,
        tries=F("tries") + 1,
        claimed_until=None,
        sent_at=now,
        smtp_answer=backend.answer[:300],
        message_id=message.extra_headers["Message-ID"],
    )
    MAILS.labels("sent").inc()
    return 1


def _is_old(one: MailDelivery, *, now: datetime) -> bool:
    return now - one.queued_at >= GIVE_UP_AFTER


def _retry(deliveries: list[MailDelivery], answer: str, *, now: datetime) -> None:
    for one in deliveries:
        wait_s = min(FIRST_RETRY_S * 2 ** min(one.tries, 10), LONGEST_RETRY_S)
        _rows([one]).update(
            tries=F("tries") + 1,
            claimed_until=None,
            next_try_at=now + timedelta(seconds=wait_s),
            smtp_answer=answer[:300],
        )
    if deliveries:
        MAILS.labels("retried").inc()


def _fail(deliveries: list[MailDelivery], answer: str) -> None:
    MAILS.labels("failed").inc(len(deliveries))
    _rows(deliveries).update(
        state=MailDelivery.State.FAILED, claimed_until=None, smtp_answer=answer[:300]
    )


def _rows(deliveries: list[MailDelivery]) -> QuerySet[MailDelivery]:
    return MailDelivery.objects.filter(pk__in=[one.pk for one in deliveries])
