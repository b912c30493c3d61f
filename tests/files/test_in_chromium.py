"""Upload, progress, trace and labels in a real browser."""

import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Page, expect, sync_playwright

from devices.ecg_model import synthesise
from devices.models import Record
from inference.services.analysis import analyse_pending
from patients.models import Patient, User
from tests.files.uploads import FS, stored_recording

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="not run: Chromium is not here"),
]


@pytest.fixture
def recording(alice: User) -> Record:
    """Return a recording of nobody that waits for its analysis."""
    return stored_recording(np.zeros(20 * FS), by=alice)


@pytest.fixture
def page(live_server, client, alice) -> Iterator[Page]:
    """Return alice's browser; what the page logs as an error fails the test."""
    client.force_login(alice)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": 1200, "height": 1000}
        )
        context.add_cookies(
            [
                {
                    "name": settings.SESSION_COOKIE_NAME,
                    "value": cookie,
                    "url": live_server.url,
                }
            ]
        )
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        browser.close()
    assert errors == []


def work() -> None:
    """Analyse as the worker does: in a thread of its own, on its own connection."""

    def analyse() -> None:
        analyse_pending(now=timezone.now())
        connection.close()

    thread = threading.Thread(target=analyse)
    thread.start()
    thread.join()


def keep(page: Page, name: str) -> None:
    """Save a screenshot where somebody asked for them."""
    folder = os.environ.get("TELECARDIO_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_it_uploads_shows_progress_trace_and_labels(page, tmp_path):
    mv = synthesise("vt", fs=FS, seconds=90.4, seed=3).mv
    good, bad = tmp_path / "evening.csv", tmp_path / "bad.csv"
    good.write_text("II\n" + "".join(f"{value:.3f}\n" for value in mv))
    bad.write_text("II\n0.1\n0.2\noops\n")

    page.goto("/records/upload/")
    page.get_by_label("Sampling frequency").fill(str(FS))
    page.locator("input[type=file]").set_input_files(bad)
    page.get_by_role("button", name="Upload and analyse").click()
    expect(page.locator("#file-notes")).to_contain_text("Row 4, column 1 (II)")
    keep(page, "upload-error")

    page.locator("input[type=file]").set_input_files(good)
    expect(page.locator("#file-notes")).to_be_empty()
    page.get_by_role("button", name="Upload and analyse").click()
    page.wait_for_url(re.compile(r"/records/\d+/"))
    expect(page.locator("#progress-words")).to_contain_text("Waiting for the analysis")
    expect(page.locator("#paper")).to_have_attribute("data-shown", "0")
    keep(page, "record-waiting")

    work()
    # The page asks every second, and loads anew when the analysis is done.
    expect(page.get_by_text("Analysed from the first to the last")).to_be_visible()
    expect(page.get_by_text("show to a doctor today")).to_be_visible()
    expect(page.locator("#paper")).to_have_attribute("data-shown", "0")
    page.locator(".episodes a").first.click()
    expect(page.locator("#window-notes")).to_contain_text("ventricular")
    page.get_by_text("Beats in this window").click()
    expect(page.locator("#beats")).to_contain_text(re.compile(r"ventricular \(V\)\d"))
    expect(page.locator("#beats")).to_contain_text(re.compile(r"\d %"))
    keep(page, "record-episode")


def test_it_moves_by_keys_and_keeps_the_place_in_the_address(page, tmp_path):
    mv = synthesise("pvc", fs=FS, seconds=35).mv
    file = tmp_path / "evening.csv"
    file.write_text("".join(f"{value:.3f}\n" for value in mv))
    page.goto("/records/upload/")
    page.get_by_label("Sampling frequency").fill(str(FS))
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Upload and analyse").click()
    page.wait_for_url(re.compile(r"/records/\d+/"))
    paper = page.locator("#paper")
    expect(paper).to_have_attribute("data-shown", "0")
    for key, shown in [
        ("ArrowRight", "1"),
        ("Shift+ArrowRight", "11"),
        ("ArrowLeft", "10"),
        ("End", "25"),
        ("ArrowRight", "25"),
        ("Home", "0"),
        ("ArrowLeft", "0"),
    ]:
        page.keyboard.press(key)
        expect(paper).to_have_attribute("data-shown", shown)
    page.get_by_role("link", name="10 s →").click()
    expect(paper).to_have_attribute("data-shown", "10")
    assert "?start=10" in page.url
    page.reload()
    expect(paper).to_have_attribute("data-shown", "10")
    drawn = page.evaluate(
        "() => { const c = document.querySelector('#paper canvas');"
        " return [c.getBoundingClientRect().width, c.width]; }"
    )
    # 10 s at 25 mm/s and the margin, in CSS pixels of 1/96 inch.
    assert drawn[0] == pytest.approx(260 * 96 / 25.4, abs=1)
    keep(page, "record-paging")


# An outline begins with a whole bin.
BY_BIN = re.compile(r"^(99\.\d+|100)$")


def test_it_shows_a_long_window_as_an_outline_that_leads_to_the_samples(page, tmp_path):
    mv = synthesise("pvc", fs=FS, seconds=400).mv
    file = tmp_path / "evening.csv"
    file.write_text("II\n" + "".join(f"{value:.3f}\n" for value in mv))
    page.goto("/records/upload/")
    page.get_by_label("Sampling frequency").fill(str(FS))
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Upload and analyse").click()
    page.wait_for_url(re.compile(r"/records/\d+/"))
    paper, legend = page.locator("#paper"), page.locator("#legend")
    expect(paper).to_have_attribute("data-shown", "0")
    expect(legend).to_be_hidden()
    page.get_by_label("Show").select_option("5 min")
    expect(legend).to_contain_text("from the lowest to the highest value in")
    # What is true of ECG paper is not said of an outline.
    expect(page.locator("#scale")).to_be_hidden()
    page.get_by_role("link", name="5 min →").click()
    expect(paper).to_have_attribute("data-shown", BY_BIN)
    page.reload()
    expect(page.get_by_label("Show")).to_have_value("300")
    expect(paper).to_have_attribute("data-shown", BY_BIN)
    fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert fits
    keep(page, "record-outline")
    page.locator("#paper canvas").click()
    expect(legend).to_be_hidden()
    expect(page.locator("#scale")).to_be_visible()
    expect(page.get_by_label("Show")).to_have_value("10")
    page.get_by_label("Show").select_option("all")
    expect(paper).to_have_attribute("data-shown", "0")
    # There is nothing before and after all of it.
    expect(page.get_by_role("link", name="→")).to_be_hidden()


def test_whoever_corrects_a_recording_is_not_interrupted_by_its_analysis(
    patient: Patient, recording: Record, page: Page
) -> None:
    page.goto(f"/records/{recording.pk}/")
    page.get_by_text("Wrong patient, or not needed?").click()
    choice = page.get_by_label("Whose recording it is")
    choice.select_option(label=str(patient))
    keep(page, "correction")
    page.set_viewport_size({"width": 390, "height": 800})
    keep(page, "correction-phone")
    work()
    # It asks every second how far the analysis is, and would load the page anew.
    page.wait_for_timeout(2500)
    expect(choice).to_have_value(str(patient.pk))
    page.get_by_role("button", name="Save whose it is").click()
    expect(page.get_by_text(f"The recording is now of {patient}")).to_be_visible()
    expect(page.get_by_text("Analysed from the first")).to_be_visible()
    page.get_by_text("Wrong patient, or not needed?").click()
    remove = page.get_by_role("button", name="Remove the recording")
    remove.click()
    # The box must be ticked first.
    expect(remove).to_be_enabled()
    page.get_by_label("Remove this recording").check()
    remove.click()
    expect(page.get_by_text("“evening” and all that was found")).to_be_visible()
