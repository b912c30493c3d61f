"""The wall and the patient page in real Chromium."""

import hashlib
import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from inference.models import Alarm, PatientLimits
from patients.models import CareTeamMember, Patient, User, Ward
from tests.browser.conftest import sign_in
from tests.browser.player import Heart, Player

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def hearts(committed: None, alice: User, ward: Ward) -> list[Heart]:
    """Return three patients of alice: one calm, one with V beats, one falls silent."""
    found = []
    for i, script in enumerate(("sinus", "bigeminy", "tachy")):
        patient = Patient.objects.create(
            code=f"P-10{i}", first_name=script.title(), last_name="Test", ward=ward
        )
        patient.care_team.create(user=alice, relation="treats")
        found.append(Heart(patient, script))
    return found


@pytest.fixture
def playing(hearts: list[Heart]):
    player = Player(hearts)
    player.start()
    yield player
    player.stop()


def tile(page: Page, heart: Heart) -> Locator:
    return page.locator(f"[data-patient='{heart.patient.pk}']")


def picture(canvas: Locator) -> str:
    """Return a digest of what the canvas shows."""
    return hashlib.sha256(
        canvas.evaluate("canvas => canvas.toDataURL()").encode()
    ).hexdigest()


def ink(canvas: Locator) -> float:
    """Return the share of pixels that are drawn on."""
    return canvas.evaluate(
        """canvas => {
          const data = canvas.getContext("2d")
            .getImageData(0, 0, canvas.width, canvas.height).data;
          let drawn = 0;
          for (let i = 3; i < data.length; i += 4) drawn += data[i] > 0;
          return drawn / (data.length / 4);
        }"""
    )


def raise_alarm(
    patient: Patient,
    *,
    rule: str = "VT",
    priority: int = 3,
    detail: str = "7 ventricular beats at 168/min",
) -> Alarm:
    now = timezone.now()
    return Alarm.objects.create(
        patient=patient,
        rule=rule,
        priority=priority,
        onset_at=now,
        raised_at=now,
        detail=detail,
        annotator="tc-1",
    )


def test_it_shows_moving_traces_with_labels_in_words(
    page, web_url, alice, hearts, playing, errors
):
    hearts[2].stops_after_s = 9
    raise_alarm(hearts[1].patient)
    sign_in(page, web_url, alice)
    page.goto(f"{web_url}/wall/")
    expect(page.locator(".tile")).to_have_count(3)
    worst = tile(page, hearts[1])
    expect(page.locator(".tile").first).to_have_attribute(
        "data-patient", str(hearts[1].patient.pk)
    )
    expect(worst).to_contain_text("*** Ventricular tachycardia 7 ventricular beats")
    expect(worst).to_contain_text(re.compile(r"ventricular 97 %"))
    expect(worst).to_contain_text("normal 99 %")
    expect(page.locator("[data-bar=high]")).to_have_text("1")
    expect(page.locator("[data-bar=sound-off]")).to_be_visible()
    expect(page.locator("[data-bar=latency]")).to_have_text(re.compile(r"\d+ ms"))

    calm = tile(page, hearts[0])
    expect(calm.locator("[data-part=hr]")).to_have_text(re.compile(r"^\d\d$"))
    canvas = calm.locator("canvas")
    assert 0.003 < ink(canvas) < 0.2
    before = picture(canvas)
    page.wait_for_timeout(400)
    assert picture(canvas) != before

    # Nothing old looks live.
    silent = tile(page, hearts[2])
    expect(silent).to_contain_text(re.compile(r"delayed \d s"))
    expect(silent).to_contain_text(re.compile(r"NO DATA 00:1\d"))
    expect(silent.locator("[data-part=hr]")).to_have_text("--")
    # Nor does it go on saying what the last beats were.
    expect(silent.locator("[data-part=beats]")).to_be_empty()

    page.mouse.click(5, 5)
    expect(page.locator("[data-bar=sound-off]")).to_be_hidden()
    assert errors == []


def test_it_opens_a_patient_by_keyboard_who_is_then_acknowledged(
    page, web_url, alice, hearts, playing, errors
):
    alarm = raise_alarm(hearts[0].patient)
    sign_in(page, web_url, alice)
    page.goto(f"{web_url}/wall/")
    tiles = page.locator(".tile")
    expect(tiles.first).to_contain_text("***")
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/patients/{hearts[0].patient.pk}/")

    expect(page.locator("[data-live-part=beats]")).to_contain_text("normal 99 %")
    expect(page.locator("[data-live-part=hr]")).to_have_text(re.compile(r"^\d\d$"))
    canvas = page.locator(".live-paper canvas")
    before = picture(canvas)
    page.wait_for_timeout(400)
    assert picture(canvas) != before
    page.get_by_role("button", name="Pause").click()
    before = picture(canvas)
    page.wait_for_timeout(400)
    assert picture(canvas) == before

    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#patient-alarms")).to_contain_text("Acknowledged by Alice")
    alarm.refresh_from_db()
    assert alarm.acknowledged_by == alice
    assert errors == []


def test_a_new_alarm_shows_while_a_reason_is_written(
    page, web_url, alice, patient, errors
):
    raise_alarm(patient)
    sign_in(page, web_url, alice)
    page.goto(f"{web_url}/patients/{patient.pk}/")
    reason = page.get_by_placeholder("Reason (optional)")
    reason.press_sequentially("looked at the st")
    raise_alarm(patient, rule="TACHY", priority=2, detail="HR 134 > 120")
    expect(page.locator("#patient-alarms")).to_contain_text("HR 134 > 120")
    expect(reason.first).to_be_focused()
    page.keyboard.type("rip")
    expect(reason.first).to_have_value("looked at the strip")
    page.get_by_role("button", name="Acknowledge").first.click()
    expect(page.locator("#patient-alarms")).to_contain_text(": looked at the strip")
    assert errors == []


def test_it_reconnects_and_fits_a_phone(page, web_url, kiosk, hearts, playing):
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, web_url, kiosk)
    page.goto(f"{web_url}/wall/")
    first = tile(page, hearts[0])
    expect(first).to_contain_text("ST P-100")
    expect(first.locator("[data-part=age]")).to_have_text("0 s ago")
    # One column, and nothing wider than the phone.
    boxes = [one.bounding_box() for one in page.locator(".tile").all()]
    assert len({box["x"] for box in boxes}) == 1
    wide = "document.documentElement.scrollWidth > innerWidth"
    assert page.evaluate(wide) is False

    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('offline'))")
    trouble = page.locator("[data-bar=trouble]")
    expect(trouble).to_contain_text("No connection", timeout=25_000)
    page.context.set_offline(False)
    expect(trouble).to_be_hidden(timeout=25_000)
    expect(first.locator("[data-part=age]")).to_have_text("0 s ago")


def test_it_takes_the_trace_from_a_doctor_who_left_the_team(
    page, web_url, alice, hearts, playing
):
    sign_in(page, web_url, alice)
    page.goto(f"{web_url}/wall/")
    expect(tile(page, hearts[0])).to_contain_text("normal 99 %")
    CareTeamMember.objects.filter(user=alice, patient=hearts[0].patient).delete()
    expect(tile(page, hearts[0])).to_have_count(0, timeout=20_000)
    expect(tile(page, hearts[1])).to_contain_text("normal 99 %")


def test_it_shows_a_new_patient_and_new_limits_without_being_loaded_again(
    page, web_url, committed, charlie, ward, errors
):
    sign_in(page, web_url, charlie)
    page.goto(f"{web_url}/wall/")
    empty = page.locator("[data-bar=none-yet]")
    expect(empty).to_contain_text("No patients yet")
    page.evaluate("window.mark = 'not loaded again'")

    patient = Patient.objects.create(
        code="P-200", first_name="New", last_name="Comer", ward=ward
    )
    patient.care_team.create(user=charlie, relation="treats")
    raise_alarm(patient)
    new = page.locator(f"[data-patient='{patient.pk}']")
    expect(new).to_contain_text("New Comer")
    expect(new).to_contain_text("*** Ventricular tachycardia")
    expect(new).to_contain_text("limits 50–120")
    expect(empty).to_be_hidden()
    options = page.locator("[name=filter] option")
    expect(options).to_have_text(["all", "mine", ward.name])

    PatientLimits.objects.create(patient=patient, hr_low_bpm=40, hr_high_bpm=130)
    expect(new).to_contain_text("limits 40–130", timeout=40_000)
    patient.care_team.all().delete()
    expect(new).to_have_count(0)
    expect(empty).to_be_visible()
    expect(options).to_have_text(["all", "mine"])
    assert page.evaluate("window.mark") == "not loaded again"
    assert errors == []


def test_it_says_before_that_its_session_ends_and_stays_when_it_did(
    page, web_url, alice, patient
):
    sign_in(page, web_url, alice)
    soon = timezone.now() + timedelta(minutes=4, seconds=30)
    Session.objects.update(expire_date=soon)
    page.goto(f"{web_url}/wall/")
    trouble = page.locator("[data-bar=troubles]")
    expect(trouble).to_contain_text("You will be signed out in 5 min")
    page.get_by_role("button", name="Stay signed in").click()
    expect(trouble).to_be_hidden()
    [session] = Session.objects.all()
    assert session.expire_date > timezone.now() + timedelta(hours=11)

    page.evaluate(
        """() => {
          window.sounded = 0;
          const start = OscillatorNode.prototype.start;
          OscillatorNode.prototype.start = function (...given) {
            window.sounded += 1;
            return start.apply(this, given);
          };
        }"""
    )
    page.mouse.click(5, 5)
    Session.objects.all().delete()
    expect(trouble).to_contain_text("You are signed out: nobody is watched here.")
    page.wait_for_function("window.sounded >= 3")
    # The banner of the watchdog asks too, and would have left for the form.
    page.wait_for_timeout(6000)
    assert page.url == f"{web_url}/wall/"
    again = page.get_by_role("link", name="Sign in again")
    expect(again).to_have_attribute("href", "/login/?next=/wall/")

    sign_in(page, web_url, alice)
    expect(trouble).to_be_hidden()
    expect(page.locator("[data-bar=connection]")).to_have_text("live")
