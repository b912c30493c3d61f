"""Open alarms as JSON for the live pages, and their acknowledgement."""

from datetime import datetime
from typing import Any, NamedTuple

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from devices.heard import with_heard_at
from devices.models import Assignment
from inference.alarm_rules import RULES
from inference.models import Alarm
from inference.services.alarms import AlreadyAcknowledged, acknowledge_alarm
from patients.access import Right, patient_for_user
from patients.models import Patient, User
from telecardio.live.rights import WATCHING_ROLES
from telecardio.live.stored import epoch_ms
from telecardio.pages.patient import patient_alarms


class _Device(NamedTuple):
    """What a page needs to know of a device."""

    battery_percent: int | None = None
    heard_at: datetime | None = None


@never_cache
@require_GET
def open_alarms(request: HttpRequest) -> HttpResponse:
    """Answer with the open alarms of the visible patients, worst first."""
    user = request.user
    if not isinstance(user, User) or user.role not in WATCHING_ROLES:
        raise Http404
    now = timezone.now()
    patients = Patient.objects.signal_visible_to(user)
    alarms = Alarm.objects.filter(patient__in=patients).open().worst_first()
    return JsonResponse(
        {
            "now_ms": epoch_ms(now),
            "alarms": [_alarm(alarm) for alarm in alarms],
            "devices": _devices(patients, now),
        }
    )


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "id": alarm.pk,
        "patient": alarm.patient_id,
        "rule": alarm.rule,
        "words": RULES[alarm.rule].words,
        "priority": alarm.priority,
        "state": alarm.state,
        "detail": alarm.detail,
        "onset_at": alarm.onset_at.isoformat(),
        "acknowledged": alarm.acknowledged_at is not None,
    }


def _devices(patients: QuerySet[Patient], now: datetime) -> list[dict[str, Any]]:
    """Say of each patient what the device that is or was worn last does."""
    known = {
        pk: _Device() for pk in patients.order_by("pk").values_list("pk", flat=True)
    }
    worn = Assignment.objects.filter(patient__in=patients, start_at__lte=now)
    last = worn.order_by("patient_id", "-start_at").distinct("patient_id")
    for one in with_heard_at(last).select_related("device"):
        is_worn = one.end_at is None or one.end_at > now
        known[one.patient_id] = _Device(
            one.device.battery_percent if is_worn else None,
            getattr(one, "heard_at", None),
        )
    return [
        {
            "patient": pk,
            "battery": one.battery_percent,
            "received_ms": None if one.heard_at is None else epoch_ms(one.heard_at),
        }
        for pk, one in known.items()
    ]


@require_POST
def acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    """Acknowledge an alarm, if the person treats the patient; strangers get 404."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    visible = Patient.objects.visible_to(user)
    alarm = get_object_or_404(Alarm, pk=pk, patient__in=visible)
    patient = patient_for_user(user, alarm.patient_id, right=Right.ACKNOWLEDGE)
    trouble = ""
    try:
        acknowledge_alarm(
            alarm=alarm,
            by=user,
            # PostgreSQL keeps any text but this one character.
            reason=request.POST.get("reason", "").replace("\0", "").strip(),
            now=timezone.now(),
        )
    except AlreadyAcknowledged as error:
        trouble = str(error)
    if getattr(request, "htmx", False):
        return patient_alarms(request, patient.pk, trouble=trouble)
    if request.accepts("text/html"):
        if trouble:
            messages.warning(request, trouble)
        else:
            messages.success(request, _("The alarm is acknowledged."))
        return redirect("patient", patient.pk)
    if trouble:
        return JsonResponse({"error": trouble}, status=409)
    return JsonResponse({"acknowledged": alarm.pk})
