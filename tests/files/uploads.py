"""Files as a browser sends them, and recordings as they are stored then."""

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile

from devices.ecg_model import Synthetic, synthesise
from devices.models import Record
from devices.services import create_file_record
from patients.models import Patient, User
from tests.files.wfdb_records import write

FS = 250
STARTED_AT = datetime(2024, 5, 6, 7, tzinfo=UTC)


def csv_file(synthetic: Synthetic, name: str = "evening.csv") -> SimpleUploadedFile:
    """Return the synthetic ECG as a CSV file in mV, with a header."""
    rows = "".join(f"{value:.3f}\n" for value in synthetic.mv)
    return SimpleUploadedFile(name, f"II\n{rows}".encode(), "text/csv")


def zip_file(
    folder: Path, *, seconds: float = 20
) -> tuple[SimpleUploadedFile, np.ndarray]:
    """Return a WFDB record in a zip file, and its adu."""
    mv = synthesise("pvc", fs=FS, seconds=seconds).mv
    adu = np.rint(np.stack([mv * 200 + 1024, mv * -100 + 1024], axis=1)).astype(
        np.int64
    )
    write(folder, "night", adu=adu, baseline=[1024, 1024])
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for ending in ("hea", "dat"):
            archive.write(folder / f"night.{ending}", f"night.{ending}")
    return SimpleUploadedFile("night.zip", data.getvalue(), "application/zip"), adu


def stored_recording(
    mv: np.ndarray,
    *,
    by: User,
    patient: Patient | None = None,
    fs: int = FS,
    started_at: datetime = STARTED_AT,
) -> Record:
    """Return one lead, in mV, as a recording that was uploaded."""
    return create_file_record(
        uploaded_by=by,
        patient=patient,
        name="evening",
        fs=fs,
        leads=["II"],
        gain=1000,
        baseline=0,
        started_at=started_at,
        samples=np.rint(mv[:, np.newaxis] * 1000).astype(np.int16),
    )
