"""A patient's own page: is it recording, and the last day."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from devices.models import Record
from inference.models import AnalysisState
from inference.services.heart_rate import HeartRateBand, heart_rate_band
from patients.access import Right, patient_for_user
from patients.models import Patient, User
from telecardio.pages.chart import heart_rate_chart
from telecardio.pages.portal_status import portal_status
from telecardio.pages.strips import Strip, strip

DAY = timedelta(hours=24)
STEP_S = 300


@never_cache
def portal(request: HttpRequest) -> HttpResponse:
    """Show the signed-in patient the last day of their own heart."""
    patient = own_patient(request)
    if patient is None:
        return render(request, "portal.html", {"patient": None})
    now = timezone.now()
    start_at = now - DAY
    band = heart_rate_band(patient, start_at=start_at, end_at=now, step_s=STEP_S)
    context = {
        "patient": patient,
        "status": portal_status(patient, now=now),
        "chart": heart_rate_chart(
            band, start_at=start_at, end_at=now, zone=patient.zone
        ),
        "strips": list(_strips(patient, band, start_at)),
    }
    return render(request, "portal.html", context)


@never_cache
def portal_state(request: HttpRequest) -> HttpResponse:
    """Return only the line that says whether it is recording."""
    patient = own_patient(request)
    if patient is None:
        raise Http404
    status = portal_status(patient, now=timezone.now())
    return render(
        request, "_portal_status.html", {"patient": patient, "status": status}
    )


def own_patient(request: HttpRequest) -> Patient | None:
    """Return the patient behind the account; None if staff has not linked it yet."""
    user = request.user
    if not isinstance(user, User) or user.role != User.Role.PATIENT:
        raise Http404
    pk = Patient.objects.filter(user=user).values_list("pk", flat=True).first()
    if pk is None:
        return None
    return patient_for_user(user, pk, right=Right.IDENTITY | Right.HISTORY)


def _strips(
    patient: Patient, band: HeartRateBand, start_at: datetime
) -> Iterator[Strip]:
    """Draw the latest strip, and those where the heart was fastest and slowest."""
    latest = (
        patient.records.filter(last_received_at__gte=start_at, sample_count__gt=0)
        .order_by(Coalesce("head_received_at", "last_received_at").desc())
        .first()
    )
    wanted: list[tuple[str, Record, int]] = []
    if latest is not None and latest.end_at >= start_at:
        wanted.append((_("Latest"), latest, latest.end_sample))
    for title, extreme in ((_("Fastest"), band.highest), (_("Slowest"), band.lowest)):
        if extreme is not None:
            words = _("%(title)s, %(bpm)d beats per minute") % {
                "title": title,
                "bpm": round(extreme.bpm),
            }
            # The rate at a beat looks back over twelve intervals.
            end = extreme.sample + extreme.record.fs
            wanted.append((words, extreme.record, end))
    for title, record, end_sample in wanted:
        found = strip(record, end_sample=end_sample, title=title, lead=_lead(record))
        if found is not None:
            yield found


def _lead(record: Record) -> int:
    """Return the lead that the analysis looked at."""
    lead = AnalysisState.objects.filter(record=record).values_list("lead", flat=True)
    return lead.first() or 0
