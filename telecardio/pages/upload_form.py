"""The form for a recording that comes as a file."""

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inference.files.csv_record import read_csv
from inference.files.edf_record import read_edf
from inference.files.record import FileError, FileRecord
from inference.files.wfdb_zip import MAX_VALUES, read_wfdb_zip
from patients.models import Patient, User
from telecardio.pages.recorded_at import recorded_at

CSV_ENDINGS = (".csv", ".tsv", ".txt")


def too_large_message(size: int) -> str:
    """Say what is too large, and what to do."""
    text = _(
        "The file has %(size)s; at most %(limit)s can be uploaded. "
        "Cut the recording into parts, or analyse it with the analyse command."
    )
    return text % {
        "size": filesizeformat(size),
        "limit": filesizeformat(settings.MAX_RECORD_UPLOAD_BYTES),
    }


class UploadForm(forms.Form):
    """A WFDB record as a zip file, an EDF file, or a CSV file and what it leaves open.

    After ``is_valid`` the samples are in ``file_record``, and the time of the first
    one in ``cleaned_data["started_at"]``.
    """

    file = forms.FileField(
        label=_("Recording"),
        help_text=_(
            "A WFDB record in a zip file (one .hea with its .dat), EDF or CSV."
        ),
        widget=forms.FileInput(attrs={"accept": ".zip,.edf,.csv,.tsv,.txt"}),
    )
    patient = forms.ModelChoiceField(
        label=_("Patient"),
        queryset=Patient.objects.none(),
        required=False,
        empty_label=_("No patient: only I see it"),
    )
    started_at = forms.DateTimeField(
        label=_("Recorded at"),
        required=False,
        help_text=_("In the patient's time zone. Needed if the file does not say it."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}),
    )
    fs = forms.FloatField(
        label=_("Sampling frequency (Hz)"),
        required=False,
        min_value=1,
        help_text=_("Not needed if the first column is time_s."),
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )
    unit = forms.ChoiceField(
        label=_("Unit"),
        choices=[("mV", _("millivolts (mV)")), ("adu", _("ADC units (adu)"))],
        initial="mV",
        required=False,
    )
    gain = forms.FloatField(
        label=_("Gain (adu per mV)"),
        required=False,
        help_text=_("Only for ADC units."),
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )
    leads = forms.CharField(
        label=_("Lead names"),
        required=False,
        max_length=200,
        help_text=_("Separated by commas, such as II, V5. Replace those in the file."),
    )

    file_record: FileRecord

    def __init__(self, *args: Any, user: User, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        field = self.fields["patient"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Patient.objects.treated_by(user)
        for name in self.fields:
            self.fields[name].widget.attrs["aria-describedby"] = f"{name}-notes"

    def clean_file(self) -> "UploadedFile[bytes]":
        """Refuse a file that is too large before anything reads it."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if file.size and file.size > settings.MAX_RECORD_UPLOAD_BYTES:
            raise forms.ValidationError(too_large_message(file.size))
        return file

    def clean(self) -> dict[str, Any]:
        """Read the file; what is wrong with it is said beside it, with its row."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            self.file_record = self._read(cleaned)
        except FileError as error:
            self.add_error("file", str(error))
            return cleaned
        self._clean_start(cleaned)
        return cleaned

    def _read(self, cleaned: dict[str, Any]) -> FileRecord:
        upload: UploadedFile[bytes] = cleaned["file"]
        name = (upload.name or "").lower()
        assert upload.file is not None
        upload.file.seek(0)
        if name.endswith(".zip"):
            return read_wfdb_zip(upload.file)
        stem = (upload.name or "").rpartition(".")[0]
        if name.endswith(".edf"):
            return read_edf(upload.file, name=stem, max_values=MAX_VALUES)
        if not name.endswith(CSV_ENDINGS):
            message = _(
                "%(name)s is neither a WFDB record in a zip file nor EDF nor CSV."
            )
            raise FileError(message % {"name": upload.name})
        leads = [lead.strip() for lead in cleaned["leads"].split(",") if lead.strip()]
        return read_csv(
            upload.file,
            name=stem,
            fs=cleaned["fs"],
            unit="adu" if cleaned["unit"] == "adu" else "mV",
            gain=cleaned["gain"],
            leads=leads or None,
        )

    def _clean_start(self, cleaned: dict[str, Any]) -> None:
        patient: Patient | None = cleaned["patient"]
        zone = patient.zone if patient else timezone.get_current_timezone()
        start = cleaned["started_at"] or self.file_record.started_at
        if start is None and patient is not None:
            message = _("The file does not say when it was recorded: give the time.")
            self.add_error("started_at", message)
        elif start is None:
            start = self.now
        else:
            try:
                start = recorded_at(start, zone, now=self.now)
            except forms.ValidationError as error:
                self.add_error("started_at", error)
        cleaned["started_at"] = start
