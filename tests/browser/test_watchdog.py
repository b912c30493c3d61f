"""The banner over the wall and over a patient's page, in real Chromium."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from inference.models.life_sign import Part
from inference.services.life_signs import show_life
from patients.models import Patient, User
from tests.browser.conftest import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("address", ["/wall/", "/patients/{pk}/"])
def test_it_is_there_while_a_part_stands_still(
    page: Page,
    web_url: str,
    alice: User,
    patient: Patient,
    errors: list[str],
    address: str,
) -> None:
    sign_in(page, web_url, alice)
    page.goto(web_url + address.format(pk=patient.pk))
    banner = page.locator("#watchdog")
    expect(banner).to_contain_text("Analysis stands still (it was never started)")
    expect(banner).to_contain_text("Mail stands still")
    expect(banner).to_be_in_viewport()
    # Nothing is wider than the screen, and the wall's bar is not covered.
    wide = "document.documentElement.scrollWidth > innerWidth"
    assert page.evaluate(wide) is False
    for part in (Part.ANALYSIS, Part.BACKFILL, Part.MAIL, Part.BEAT):
        show_life(part, now=timezone.now())
    expect(banner).to_be_hidden()
    expect(banner).to_have_attribute("hx-get", re.compile(r"\?seen=\w{12}$"))
    assert errors == []
