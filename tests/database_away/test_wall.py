"""A wall that nobody touches says that the database is away, and goes on by itself."""

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.database_away.conftest import CHROMIUM, FLAGS, Installation

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WAIT_MS = 30_000


@pytest.mark.skipif(CHROMIUM is None, reason="not run: Chromium is not here")
def test_it_says_so_on_open_pages_and_on_loaded_ones_and_recovers(
    running: Installation,
) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        for name, value in running.cookies.items():
            context.add_cookies([{"name": name, "value": value, "url": running.url}])
        wall, patient, late = (context.new_page() for _ in range(3))
        wall.goto(f"{running.url}/wall/")
        patient.goto(f"{running.url}/patients/{running.patient}/")
        connection = wall.locator("[data-bar=connection]")
        expect(connection).to_have_text("live")
        expect(patient.locator("[data-server-away]")).to_be_hidden()

        running.stop_postgresql()
        trouble = wall.locator("[data-bar=trouble]")
        expect(trouble).to_contain_text("The database is away", timeout=WAIT_MS)
        expect(trouble).to_be_in_viewport()
        banner = patient.locator("[data-server-away]")
        expect(banner).to_contain_text("The database is away", timeout=WAIT_MS)
        late.goto(f"{running.url}/wall/")
        expect(late.locator("h1")).to_contain_text("The database is away")
        expect(connection).to_have_text("database away", timeout=WAIT_MS)

        running.start_postgresql()
        expect(trouble).to_be_hidden(timeout=WAIT_MS)
        expect(banner).to_be_hidden(timeout=WAIT_MS)
        expect(connection).to_have_text("live", timeout=WAIT_MS)
        expect(late.locator("[data-wall]")).to_be_visible(timeout=WAIT_MS)
        browser.close()
