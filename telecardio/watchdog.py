"""Who watches the watcher: what of the platform stands still or lags, in words."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inference.models.life_sign import Part
from telecardio.operations.figures import Figures

# A part that shows no life for so long is gone. A span of weeks that late samples
# re-opened is one task.
MISSED_AFTER = timedelta(seconds=30)
BACKFILL_MISSED_AFTER = timedelta(minutes=15)
MAIL_LATE_S = 30


def troubles(figures: Figures) -> list[str]:
    """Return what a person before a wall must know; empty if all is well."""
    analysis, mail, beat = (
        _stopped(part, figures) for part in (Part.ANALYSIS, Part.MAIL, Part.BEAT)
    )
    found = [
        _("Uploads are not taken in (%(since)s): what is shown may be old.")
        % {"since": _since(Part.INGEST, figures)}
        # Where web takes the uploads there is no ingest to be missed.
        if Part.INGEST in figures.signs and _stopped(Part.INGEST, figures)
        else "",
        _("Analysis stands still (%(since)s): no beat is labelled, no alarm raised.")
        % {"since": _since(Part.ANALYSIS, figures)}
        if analysis
        else _lag(figures),
        _(
            "Backlogs and files are not analysed (%(since)s), and the disk fills: "
            "stored signal is not compacted."
        )
        % {"since": _since(Part.BACKFILL, figures)}
        if _stopped(Part.BACKFILL, figures, after=BACKFILL_MISSED_AFTER)
        else "",
        # The worker of the analysis shows the schedule's life; one word is enough.
        _("The schedule stands still (%(since)s): missing data raises no alarm.")
        % {"since": _since(Part.BEAT, figures)}
        if beat and not analysis
        else "",
        _("Mail stands still (%(since)s): nobody is mailed about alarms.")
        % {"since": _since(Part.MAIL, figures)}
        if mail
        else _late_mail(figures),
    ]
    return [words for words in found if words]


def _stopped(part: Part, figures: Figures, *, after: timedelta = MISSED_AFTER) -> bool:
    sign_at = figures.signs.get(part)
    # Whoever lives would have shown it anew after a clock was set back.
    return sign_at is None or abs(figures.at - sign_at) > after


def _since(part: Part, figures: Figures) -> str:
    sign_at: datetime | None = figures.signs.get(part)
    if sign_at is None:
        return _("it was never started")
    return _("since %(time)s") % {"time": f"{sign_at:%d %b %H:%M} UTC"}


def _lag(figures: Figures) -> str:
    count = figures.patients_behind
    if not count:
        return ""
    words = ngettext(
        "Analysis lags for %(count)d patient: labels and alarms come late.",
        "Analysis lags for %(count)d patients: labels and alarms come late.",
        count,
    )
    return words % {"count": count}


def _late_mail(figures: Figures) -> str:
    if figures.mails_refused:
        words = ngettext(
            "%(count)d mail about an alarm was refused and is tried no more: staff "
            "sees it under Mails.",
            "%(count)d mails about alarms were refused and are tried no more: staff "
            "sees them under Mails.",
            figures.mails_refused,
        )
        return words % {"count": figures.mails_refused}
    if figures.mails_retrying:
        return _("The mail server takes no mail: mails about alarms are tried again.")
    if figures.mail_overdue_s > MAIL_LATE_S:
        return _("Mails about alarms go out late.")
    return ""
