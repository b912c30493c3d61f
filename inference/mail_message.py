"""The mails themselves: words, a strip, and no patient's name in the subject."""

import hashlib
from collections.abc import Sequence
from email.mime.image import MIMEImage
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from devices.reading import read_signal_mv
from inference.alarm_rules import RULES
from inference.ecg.types import CLASSES
from inference.label_figures import released_figures
from inference.mail_strip import strip_png
from inference.models import Alarm, MailDelivery
from inference.services.beats import beats_between
from inference.services.recipients import may_see_signal

STRIP_S, BEFORE_S = 8, 3
STRIP_CID = "strip"


def alarm_message(delivery: MailDelivery) -> EmailMultiAlternatives:
    """Return the mail about one alarm, as text and as HTML with an 8 s strip."""
    alarm = delivery.alarm
    seen = may_see_signal(delivery.address, alarm)
    strip = alarm_strip(alarm) if seen else None
    context = {"alarm": alarm_words(alarm), "delivery": delivery, "strip": strip}
    message = _message(
        "alarm", context, delivery.address, delivery.message_id, high=alarm.priority > 2
    )
    if strip is not None:
        image = MIMEImage(strip, "png")
        image.add_header("Content-ID", f"<{STRIP_CID}>")
        image.add_header("Content-Disposition", "inline", filename="strip.png")
        message.mixed_subtype = "related"  # type: ignore[attr-defined]
        message.attach(image)
    return message


def digest_message(deliveries: Sequence[MailDelivery]) -> EmailMultiAlternatives:
    """Return one mail about several alarms, for a recipient who has had many."""
    alarms = [alarm_words(one.alarm) for one in deliveries]
    first = deliveries[0]
    keys = " ".join(sorted(one.message_id for one in deliveries))
    digest = hashlib.sha256(keys.encode()).hexdigest()[:16]
    host = first.message_id.rpartition("@")[2]
    context = {"alarms": alarms, "count": len(alarms)}
    return _message("digest", context, first.address, f"<digest-{digest}@{host}")


def _message(
    kind: str,
    context: dict[str, Any],
    address: str,
    message_id: str,
    *,
    high: bool = False,
) -> EmailMultiAlternatives:
    subject = render_to_string(f"mail/{kind}_subject.txt", context)
    headers = {"Message-ID": message_id, "Auto-Submitted": "auto-generated"}
    if high:
        headers["X-Priority"] = "1"
    message = EmailMultiAlternatives(
        " ".join(subject.split()),
        render_to_string(f"mail/{kind}.txt", context),
        settings.DEFAULT_FROM_EMAIL,
        [address],
        headers=headers,
    )
    html = render_to_string(f"mail/{kind}.html", context)
    message.attach_alternative(html, "text/html")
    return message


def alarm_words(alarm: Alarm) -> dict[str, Any]:
    """Return what the templates say of an alarm; times are the patient's."""
    # The mail may have waited for an hour.
    alarm.refresh_from_db(fields=["state", "acknowledged_at", "acknowledged_by"])
    rule, patient = RULES[alarm.rule], alarm.patient
    onset = alarm.onset_at.astimezone(patient.zone)
    return {
        "initials": patient.initials,
        "code": patient.code,
        "words": rule.words,
        "priority": alarm.get_priority_display(),
        "detail": alarm.detail,
        "why": rule.why,
        "advice": rule.advice,
        "onset": f"{onset:%Y-%m-%d %H:%M:%S %Z}",
        "figure": released_figures().episode_words(alarm.rule),
        "is_over": alarm.state == Alarm.State.CLEARED,
        "acknowledged": _acknowledged(alarm),
        "annotator": alarm.annotator,
        "link": f"{settings.SITE_URL}/patients/{patient.pk}/",
    }


def _acknowledged(alarm: Alarm) -> str:
    """Say who has acknowledged an alarm, and when; empty if nobody has."""
    if alarm.acknowledged_at is None:
        return ""
    at = alarm.acknowledged_at.astimezone(alarm.patient.zone)
    told = {"who": alarm.acknowledged_by or "–", "at": f"{at:%H:%M:%S %Z}"}
    return _("Acknowledged by %(who)s at %(at)s.") % told


def alarm_strip(alarm: Alarm) -> bytes | None:
    """Return the PNG of 8 s around the onset; None where there is no signal.

    What is damaged in storage is a gap: the mail must go out.
    """
    record = alarm.record
    if record is None or alarm.onset_sample is None:
        return None
    start = max(0, alarm.onset_sample - BEFORE_S * record.fs)
    end = start + STRIP_S * record.fs
    mv = read_signal_mv(record, start, end, damaged=[])
    if not (mv == mv).any():
        return None
    beats = beats_between(record, start, end)
    letters = [
        ((sample - start) / record.fs, CLASSES[aami_class])
        for sample, aami_class in zip(
            beats.samples.tolist(), beats.classes.tolist(), strict=True
        )
    ]
    return strip_png(mv, fs=record.fs, beats=letters)
