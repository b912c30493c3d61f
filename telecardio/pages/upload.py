"""Upload a recording as a file."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from devices.models import Record
from devices.services import create_file_record
from patients.models import User
from telecardio.pages.recordings import own_uploads
from telecardio.pages.upload_form import UploadForm


@never_cache
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Show the form, or take a file; what is far too large never comes so far."""
    user = request.user
    if not isinstance(user, User) or user.role != User.Role.DOCTOR:
        raise Http404
    now = timezone.now()
    if request.method != "POST":
        form = UploadForm(user=user, now=now)
        return render(request, "record_upload.html", _context(form, user, request))
    form = UploadForm(request.POST, request.FILES, user=user, now=now)
    valid = form.is_valid()
    # The page sends the file by script and asks for JSON; without script the
    # browser gets pages.
    wants_json = (
        request.get_preferred_type(["text/html", "application/json"])
        == "application/json"
    )
    if not valid:
        if wants_json:
            return JsonResponse({"errors": form.errors}, status=422)
        context = _context(form, user, request)
        return render(request, "record_upload.html", context, status=422)
    record = _save(form, user)
    if wants_json:
        return JsonResponse({"url": reverse("record", args=[record.pk])}, status=201)
    return redirect("record", record.pk)


def _save(form: UploadForm, user: User) -> Record:
    file_record = form.file_record
    return create_file_record(
        uploaded_by=user,
        patient=form.cleaned_data["patient"],
        name=file_record.name[:120],
        fs=file_record.fs,
        leads=file_record.leads,
        gain=file_record.gain,
        baseline=file_record.baseline,
        started_at=form.cleaned_data["started_at"],
        samples=file_record.samples,
    )


def _context(form: UploadForm, user: User, request: HttpRequest) -> dict[str, object]:
    return {
        "form": form,
        "max_bytes": settings.MAX_RECORD_UPLOAD_BYTES,
        "recordings": own_uploads(user, request),
    }
