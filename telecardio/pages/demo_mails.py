"""The mails of the demonstration, readable in the browser."""

import re
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from patients.models import User
from telecardio.demo.mailbox import Mailbox

SHOWN = 50


@login_required
def demo_mails(request: HttpRequest) -> HttpResponse:
    """Show what the demo's SMTP server received; 404 outside the demonstration.

    The mails are about patients of several doctors, so in a demonstration too
    only doctors and staff may read them.
    """
    if not settings.DEMO_MAIL_DIR or not _may_read(request.user):
        raise Http404
    mails = Mailbox(Path(settings.DEMO_MAIL_DIR)).mails()[:SHOWN]
    shown = [_shown(key, mail) for key, mail in mails]
    return render(request, "demo_mails.html", {"mails": shown})


def _may_read(user: object) -> bool:
    return isinstance(user, User) and user.role in (User.Role.DOCTOR, User.Role.STAFF)


def _shown(key: str, mail: EmailMessage) -> dict[str, str]:
    text = mail.get_body(("plain",))
    return {
        "key": key,
        "subject": str(mail["Subject"]),
        "to": str(mail["To"]),
        "date": str(mail["Date"]),
        "text": text.get_content() if text else "",
        "strip": _inline_picture(mail),
    }


def _inline_picture(mail: EmailMessage) -> str:
    """Return the mail's strip as a data URL, or nothing."""
    for part in mail.walk():
        if part.get_content_type() == "image/png":
            content = re.sub(r"\s", "", str(part.get_payload()))
            return f"data:image/png;base64,{content}"
    return ""
