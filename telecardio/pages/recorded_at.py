"""When a recording was made, as somebody types it."""

from datetime import datetime, tzinfo

from django import forms
from django.utils.translation import gettext as _

# The first electrocardiogram of a person was published in 1887.
FIRST_YEAR = 1887


def recorded_at(typed: datetime, zone: tzinfo, *, now: datetime) -> datetime:
    """Return the time that a clock in ``zone`` showed as ``typed``.

    Neither the browser's field nor a WFDB header names a time zone. Raises
    ``ValidationError`` for a time that no recording can have.
    """
    at = typed.replace(tzinfo=zone)
    if at > now:
        raise forms.ValidationError(_("This time has not come yet."))
    if at.year < FIRST_YEAR:
        # In another zone it may have no year at all, which nobody can read.
        message = _("No heart was recorded in the year %(year)d: correct it.")
        raise forms.ValidationError(message % {"year": at.year})
    return at
