"""Files as a browser sends them."""

import io
import zipfile
from pathlib import Path

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile

from devices.ecg_model import Synthetic, synthesise
from tests.files.wfdb_records import write

FS = 250


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
