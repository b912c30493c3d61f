"""Hour by hour: the last day of a patient in figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from inference.label_figures import released_figures
from inference.services.summaries import Hour, hours_of
from inference.span_summary import SpanSummary
from patients.access import Right, patient_for_user
from patients.models import Patient, User
from telecardio.pages.patient import log_look
from telecardio.pages.portal import own_patient

DAY = timedelta(hours=24)
# The bar of a heart rate reaches over what hearts do.
_BAR_LOW_BPM, _BAR_HIGH_BPM = 30, 190


@dataclass(frozen=True)
class HourRow:
    """An hour, and where its band of heart rate lies in a bar, in percent."""

    hour: Hour
    left: float = 0.0
    width: float = 0.0

    @property
    def figures(self) -> SpanSummary | None:
        """Return the figures; None where nothing was analysed."""
        return self.hour.figures


@require_safe
@never_cache
def patient_hours(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the table of the last day to whoever may see the signal."""
    patient = patient_for_user(request.user, pk, right=Right.IDENTITY | Right.SIGNAL)
    user = request.user
    if isinstance(user, User) and user.role == User.Role.PATIENT:
        # What the machine says is shown to patients once somebody reviewed it.
        raise Http404
    log_look(user, patient)
    return render(request, "_hours.html", hours_context(patient, now=timezone.now()))


@require_safe
@never_cache
def portal_hours(request: HttpRequest) -> HttpResponse:
    """Return the signed-in patient's last day: heart rates, and what was recorded."""
    patient = own_patient(request)
    if patient is None:
        raise Http404
    context = hours_context(patient, now=timezone.now())
    return render(request, "_portal_hours.html", context)


def hours_context(patient: Patient, *, now: datetime) -> dict[str, object]:
    """Return what the tables show, the latest hour first."""
    hours = hours_of(patient, start_at=now - DAY, end_at=now, now=now)
    rows = [_row(hour) for hour in reversed(hours.each)]
    # Before the recording began there is nothing to tell.
    while rows and rows[-1].figures is None:
        rows.pop()
    return {
        "patient": patient,
        "rows": rows,
        "day": hours.whole.figures,
        "with_zone": _are_clocks_set(patient, hours.each),
        "label_figures": released_figures(),
    }


def _are_clocks_set(patient: Patient, each: Sequence[Hour]) -> bool:
    """Tell whether clocks are set in these hours: one may come twice then."""
    offsets = {hour.start_at.astimezone(patient.zone).utcoffset() for hour in each}
    return len(offsets) > 1


def _row(hour: Hour) -> HourRow:
    figures = hour.figures
    if figures is None:
        return HourRow(hour)
    low, high = figures.heart_rate_min_bpm, figures.heart_rate_max_bpm
    if low is None or high is None:
        return HourRow(hour)
    left, right = _percent(low), _percent(high)
    return HourRow(hour, left, max(round(right - left, 1), 1.0))


def _percent(bpm: float) -> float:
    share = (bpm - _BAR_LOW_BPM) / (_BAR_HIGH_BPM - _BAR_LOW_BPM)
    return round(100 * min(max(share, 0.0), 1.0), 1)
