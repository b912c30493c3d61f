"""A recording uploaded in the browser becomes a record, bit for bit."""

import os
import tempfile
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from devices.ecg_model import synthesise
from devices.models import Record
from devices.reading import read_adu, read_signal
from tests.files.edf_files import discontinuous
from tests.files.edf_files import write as write_edf
from tests.files.uploads import FS, csv_file, zip_file

URL = "/records/upload/"
RECORDED_AT = "2024-05-06T07:08:09"


@pytest.fixture
def browser(client, alice) -> Client:
    """Return alice's browser."""
    client.force_login(alice)
    return client


def post(client: Client, file, **fields):
    data = {"file": file, "unit": "mV"} | fields
    return client.post(URL, data, headers={"accept": "application/json"})


def test_it_stores_a_zip_file_bit_for_bit(browser, alice, patient, tmp_path):
    patient.time_zone = "Europe/Berlin"
    patient.save()
    file, adu = zip_file(tmp_path)
    response = post(browser, file, patient=patient.pk, started_at=RECORDED_AT)
    assert response.status_code == 201, response.content
    record = Record.objects.get()
    assert response.json() == {"url": reverse("record", args=[record.pk])}
    stored, present = read_adu(record, 0, len(adu))
    np.testing.assert_array_equal(stored, adu)
    assert present.all()
    assert (record.source, record.uploaded_by, record.patient) == (
        "file",
        alice,
        patient,
    )
    assert (record.name, record.fs, record.leads) == ("night", FS, ["II", "V5"])
    assert (record.gain, record.baseline) == (200, 1024)
    berlin = ZoneInfo("Europe/Berlin")
    assert record.started_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=berlin)


def test_it_stores_a_csv_file_without_a_patient(browser):
    synthetic = synthesise("sinus", fs=FS, seconds=12.5)
    before = timezone.now()
    response = post(browser, csv_file(synthetic), fs=FS, leads="V1")
    assert response.status_code == 201, response.content
    record = Record.objects.get()
    stored, _ = read_adu(record, 0, record.end_sample)
    np.testing.assert_array_equal(
        stored[:, 0], np.rint(np.round(synthetic.mv, 3) * 1000)
    )
    assert (record.patient, record.leads, record.gain) == (None, ["V1"], 1000)
    assert before <= record.started_at <= timezone.now()


def test_it_stores_an_edf_file_with_its_gap(browser, alice, patient, tmp_path):
    mv = synthesise("pvc", fs=FS, seconds=20).mv
    path = write_edf(tmp_path, {"ECG II": mv, "ECG V1": -mv, "Resp": 0 * mv})
    data = discontinuous(path, [*range(10), *range(15, 25)]).getvalue()
    file = SimpleUploadedFile("Night.EDF", data, "application/octet-stream")
    response = post(browser, file, patient=patient.pk)
    assert response.status_code == 201, response.content
    record = Record.objects.get()
    assert (record.name, record.fs, record.leads) == ("Night", FS, ["II", "V1"])
    assert record.end_sample == 25 * FS
    assert record.started_at.astimezone(patient.zone).hour == 22
    stored = read_signal(record, 0, record.end_sample)
    assert np.isnan(stored[10 * FS : 15 * FS]).all()
    np.testing.assert_allclose(stored[-10 * FS :, 0], mv[-10 * FS :], atol=6e-4)
    np.testing.assert_allclose(stored[-10 * FS :, 1], -mv[-10 * FS :], atol=6e-4)


def test_it_redirects_a_browser_without_script(browser):
    response = browser.post(
        URL, {"file": csv_file(synthesise("sinus", seconds=1)), "fs": FS}
    )
    assert response.status_code == 302
    assert response["Location"] == reverse("record", args=[Record.objects.get().pk])


@pytest.mark.parametrize(
    ("name", "data", "fields", "field", "found"),
    [
        (
            "a.csv",
            b"0.1\n0.2\nx\n",
            {"fs": 250},
            "file",
            "Row 3, column 1 (ECG): found 'x'",
        ),
        ("a.csv", b"0.1\n", {}, "file", "no fs"),
        ("a.csv", b"0.1\n", {"fs": 50}, "file", "100 to 1000 Hz"),
        ("a.csv", b"0.1\n", {"fs": "many"}, "fs", "number"),
        ("a.csv", b"1\n", {"fs": 250, "unit": "adu"}, "file", "needs the gain"),
        ("a.csv", b"1\n", {"fs": 250, "unit": "volt"}, "unit", "valid choice"),
        ("a.csv", b"0.1\n", {"fs": 250, "leads": "I,II"}, "file", "lead names"),
        ("a.csv", b"", {"fs": 250}, "file", "empty"),
        ("a.zip", b"PK", {}, "file", "no zip file"),
        ("a.pdf", b"%PDF", {}, "file", "a.pdf is neither"),
        (
            "a.csv",
            b"0.1\n",
            {"fs": 250, "started_at": "2999-01-01T00:00"},
            "started_at",
            "not come",
        ),
        (
            "a.csv",
            b"0.1\n",
            {"fs": 250, "started_at": "0001-01-01T00:00"},
            "started_at",
            "in the year 1:",
        ),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_it_says_what_is_wrong_beside_the_field(
    browser, name, data, fields, field, found, accept
):
    file = SimpleUploadedFile(name, data)
    response = browser.post(
        URL, {"file": file, "unit": "mV"} | fields, headers={"accept": accept}
    )
    assert response.status_code == 422
    if accept == "text/html":
        errors = response.context["form"].errors
        assert "errorlist" in response.content.decode()
    else:
        errors = response.json()["errors"]
    assert list(errors) == [field]
    assert found in errors[field][0]
    assert not Record.objects.exists()


def test_it_asks_when_a_patients_recording_was_made(browser, patient):
    file = csv_file(synthesise("sinus", seconds=1))
    response = post(browser, file, fs=FS, patient=patient.pk)
    assert list(response.json()["errors"]) == ["started_at"]
    file = csv_file(synthesise("sinus", seconds=1))
    yesterday = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    fields = {"fs": FS, "patient": patient.pk, "started_at": yesterday}
    assert post(browser, file, **fields).status_code == 201


def test_it_refuses_a_file_that_is_too_large(browser, settings):
    settings.MAX_RECORD_UPLOAD_BYTES = 1000
    response = post(browser, SimpleUploadedFile("a.csv", b"0.1\n" * 300), fs=FS)
    assert response.status_code == 422
    assert "at most 1000" in response.json()["errors"]["file"][0].replace("\xa0", " ")


def test_it_leaves_no_temporary_files(browser, tmp_path, monkeypatch, settings):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    (tmp_path / "record").mkdir()
    file, _ = zip_file(tmp_path / "record")
    assert post(browser, file).status_code == 201
    assert post(browser, SimpleUploadedFile("a.zip", b"no zip file")).status_code == 422
    assert os.listdir(tmp_path) == ["record"]


def test_it_offers_only_patients_whom_the_doctor_treats(
    client, bob, charlie, patient, other_patient
):
    client.force_login(bob)  # reads patient, treats nobody
    page = client.get(URL).content.decode()
    assert patient.code not in page
    assert other_patient.code not in page
    for user in (bob, charlie):
        client.force_login(user)
        file = csv_file(synthesise("sinus", seconds=1))
        response = post(client, file, fs=FS, patient=patient.pk, started_at=RECORDED_AT)
        assert list(response.json()["errors"]) == ["patient"]
    assert not Record.objects.exists()


def test_it_is_for_doctors(client, staff_user, patient_user, kiosk):
    assert client.get(URL)["Location"].startswith("/login/")
    for user in (staff_user, patient_user, kiosk):
        client.force_login(user)
        assert client.get(URL).status_code == 404
        assert (
            post(client, SimpleUploadedFile("a.csv", b"0.1\n"), fs=FS).status_code
            == 404
        )
    assert not Record.objects.exists()


def test_it_takes_nothing_from_another_site(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = post(client, SimpleUploadedFile("a.csv", b"0.1\n"), fs=FS)
    assert response.status_code == 403
    assert not Record.objects.exists()
