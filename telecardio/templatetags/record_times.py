"""Times and shares of a recording, as its page shows them."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.dateformat import format as written

from inference.report import clock as clock_text

register = template.Library()


@register.filter
def clock(seconds: float) -> str:
    """Write a time from the start as ``m:ss.s``."""
    return clock_text(seconds)


@register.filter
def until(end_at: datetime, start_at: datetime) -> str:
    """Write the end of a span as a time; with its day, if that is another.

    With the zone, too, where clocks were changed in between.
    """
    end, start = timezone.localtime(end_at), timezone.localtime(start_at)
    day = "" if end.date() == start.date() else "j M Y "
    text = written(end, f"{day}H:i:s")
    return text if end.utcoffset() == start.utcoffset() else f"{text} {end:%Z}"


@register.filter
def hour(start_at: datetime, with_zone: bool) -> str:
    """Write when an hour begins; with its zone, of two that have one name.

    Of these the framework's own format writes no zone.
    """
    start = timezone.localtime(start_at)
    text = written(start, "D H:i")
    return f"{text} {start:%Z}" if with_zone else text


@register.filter
def before(seconds: float) -> float:
    """Return where a window begins that shows this moment with what led to it."""
    return max(0.0, round(seconds - 3.0, 1))


@register.filter
def seconds(milliseconds: float) -> str:
    """Write an interval in seconds."""
    return f"{milliseconds / 1000:.2f} s"


@register.filter
def minutes(seconds: float) -> str:
    """Write a length in hours and minutes; less than a minute is never none."""
    if 0 < seconds < 60:
        return "< 1 min"
    hours, rest = divmod(round(seconds / 60), 60)
    if not rest and hours:
        return f"{hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"


@register.filter
def percent(share: float) -> str:
    """Write a share of 1 in percent; a small one is never shown as none."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.1f} %"
