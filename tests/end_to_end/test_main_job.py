"""A device's ECG becomes labelled beats on a doctor's screen and an email."""

import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from devices.models import Chunk
from devices.simulator.fleet import FleetSummary, VirtualDeviceSpec
from devices.simulator.wfdb_source import wfdb_source
from inference.ecg.types import CLASSES
from inference.models import Alarm, BeatBlock
from tests.end_to_end.conftest import PASSWORD, Platform

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
# Record 208 has seven runs of three ventricular beats, the first of each a fusion beat.
# Five of them are found, among them that at 1123.1 s.
START_S = 1110
SECONDS = 30

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def _stored(serial: str) -> np.ndarray:
    chunks = Chunk.objects.filter(record__device__serial=serial).order_by(
        "first_sample"
    )
    return np.concatenate([np.frombuffer(chunk.data, "<i2") for chunk in chunks])


def _sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/login/?next=/wall/")
    page.get_by_label("Email").fill("alice@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.skipif(CHROMIUM is None, reason="not run: Chromium is not here")
def test_it_shows_the_ventricular_beats_of_record_208_and_mails_the_run(
    platform: Platform, ecg_data: Path, eventually: Callable[..., None]
) -> None:
    member = platform.people.patients[0]
    whole = wfdb_source(ecg_data / "mitdb" / "208")
    source = replace(whole, offset=START_S * whole.fs)
    spec = VirtualDeviceSpec(serial=member.serial, token=member.token, source=source)
    summaries: list[FleetSummary] = []
    device = threading.Thread(
        target=lambda: summaries.append(platform.send(spec, seconds=SECONDS))
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        _sign_in(page, platform.stack.web_url)
        device.start()
        tile = page.locator(f"[data-patient='{member.patient.pk}']")
        expect(tile).to_contain_text(
            re.compile(r"ventricular\s+\d+\s*%"), timeout=30_000
        )
        device.join()
        browser.close()

    sent = whole.adu[START_S * whole.fs :][: SECONDS * whole.fs]
    assert summaries[0].nothing_lost
    assert np.array_equal(_stored(member.serial), sent.ravel())

    def runs() -> bool:
        return Alarm.objects.filter(
            patient=member.patient, rule__in=("VRUN", "VT")
        ).exists()

    eventually(runs, "an alarm about the ventricular run")
    eventually(platform.mails.count, "a mail about it")
    (_, mail) = platform.mails.mails()[-1]
    assert member.patient.code in mail["Subject"]
    assert member.patient.last_name not in mail["Subject"]
    assert mail["To"] in ("alice@example.org", "bob@example.org")
    ventricular = CLASSES.index("V")
    classes = b"".join(BeatBlock.objects.values_list("classes", flat=True))
    assert classes.count(ventricular) >= 5
