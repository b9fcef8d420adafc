"""The panel as somebody plays with it: chromium, the real ``quench sim``, clicks and keys."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FrameLocator, Page, ViewportSize, expect

from sim.properties import teaches
from tests.processes import Program, free_port, quench, written
from tests.test_accessibility import found

DESK = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)
PATIENCE_MS = 20_000

expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def simulator(
    folder: Path, *options: str | Path, **sections: object
) -> Iterator[tuple[Program, str]]:
    """The program, and where its panel is."""
    with quench("sim", "--config", written(folder, **sections), *options) as program:
        yield program, program.wait_for(r"^The panel to play with it: (\S+)$").group(1)


@contextmanager
def opened(browser: Browser, url: str, viewport: ViewportSize = DESK) -> Iterator[Page]:
    """A panel that is there. Whatever it complains of on its console fails the test."""
    page = browser.new_page(viewport=viewport, reduced_motion="reduce")
    page.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    expect(page.locator("#link")).to_have_text("live")
    yield page
    page.close()
    assert complaints == []


@pytest.fixture(scope="module")
def room(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, str]]:
    """A simulator, and a panel of it."""
    with simulator(tmp_path_factory.mktemp("room")) as (_, url), opened(browser, url) as page:
        yield page, url


@pytest.fixture
def panel(room: tuple[Page, str]) -> Page:
    """The panel of a machine that was just built."""
    page, url = room
    for asked in (
        {"do": "speed", "x": 1},
        {"do": "crowd", "per_hour": 0},
        {"do": "rewire", "dialect": "lcus", "sensor": "none"},
    ):
        assert httpx.post(f"{url}/do", json=asked).status_code == 204
    page.goto(url)
    expect(page.locator("#link")).to_have_text("live")
    return page


def first_phone(panel: Page) -> FrameLocator:
    return panel.frame_locator("#phone-1")


def scan(panel: Page) -> None:
    """Scan, and wait until the button can be tapped."""
    expect(state(panel)).to_have_text("idle")
    panel.get_by_role("button", name="Scan the code").click()
    expect(first_phone(panel).locator("#go")).to_be_enabled()


def state(panel: Page):  # type: ignore[no-untyped-def]
    return panel.locator("#state-line b")


def left(panel: Page, slot: int = 1):  # type: ignore[no-untyped-def]
    return panel.locator(f".slot:nth-child({slot}) .left")


def light(panel: Page, rule: str):  # type: ignore[no-untyped-def]
    return panel.locator("#lights li", has_text=re.compile(rf"^{rule}"))


def test_scan_read_tap_and_a_can_falls(panel: Page) -> None:
    expect(panel.locator("header .simulated")).to_have_text("SIMULATED")
    expect(panel.frame_locator("#screen").locator(".simulated")).to_have_text("SIMULATED")
    expect(left(panel)).to_have_text("12 of 12")
    scan(panel)
    expect(state(panel)).to_have_text("warned")
    expect(first_phone(panel).locator("h1")).to_contain_text(re.compile("arbitrary", re.IGNORECASE))
    assert panel.locator("#fell").inner_text() == ""
    first_phone(panel).locator("#go").click()
    expect(panel.locator("#fell")).to_have_text("A can of water fell.")
    expect(left(panel)).to_have_text("11 of 12")
    expect(first_phone(panel).locator("#told h2")).to_have_text("Enjoy your drink!")
    expect(panel.locator("#taken")).to_contain_text("released: dispensing → idle")
    expect(panel.locator("#wire tbody")).to_contain_text("A0 01 01 A2")
    expect(panel.locator("#journal tbody")).to_contain_text("dispense 1: commanded; water 11 left")
    expect(panel.locator("#lights li.broken")).to_have_count(0)
    expect(panel.locator("#coils path").first).to_have_attribute("d", re.compile(r"V\d+H\d+V"))


def test_the_cable_comes_out_during_a_pulse_and_goes_in_again(
    browser: Browser, tmp_path: Path
) -> None:
    slots = [{"name": "water", "channel": 1, "capacity": 12, "pulse_ms": 10_000}]
    with simulator(tmp_path, slots=slots) as (_, url), opened(browser, url) as panel:
        cable = panel.get_by_role("switch", name=re.compile("Cable out"))
        scan(panel)
        first_phone(panel).locator("#go").click()
        expect(panel.locator(".slot.on")).to_have_count(1)
        cable.check()
        expect(panel.locator("#state-line")).to_contain_text("out_of_service relay lost")
        expect(panel.frame_locator("#screen").locator("body")).to_have_attribute("data-face", "out")
        expect(panel.locator(".slot.on")).to_have_count(0)
        assert panel.locator("#fell").inner_text() == ""
        cable.uncheck()
        expect(state(panel)).to_have_text("idle")
        expect(panel.locator("#journal tbody")).to_contain_text("dispense 1: unknown")
        expect(panel.locator("#lights li.broken")).to_have_count(0)
        panel.get_by_role("button", name="Pause").click()
        before = panel.locator("#clock").inner_text()
        panel.get_by_role("button", name="Step", exact=True).click()
        expect(panel.locator("#clock")).not_to_have_text(before)


def test_the_plug_is_pulled_in_the_middle_of_a_pulse(browser: Browser, tmp_path: Path) -> None:
    """The controller's real recovery runs, and the screen finds back by itself."""
    slots = [{"name": "water", "channel": 1, "capacity": 12, "pulse_ms": 10_000}]
    with simulator(tmp_path, slots=slots) as (_, url), opened(browser, url) as panel:
        scan(panel)
        first_phone(panel).locator("#go").click()
        expect(panel.locator(".slot.on")).to_have_count(1)
        panel.get_by_role("button", name="Pull the plug").click()
        expect(panel.locator("#dark")).to_be_visible()
        assert httpx.get(url.removesuffix("/sim")).status_code == 503
        panel.get_by_role("button", name="Plug in, and start").click()
        expect(state(panel)).to_have_text("idle")
        expect(panel.locator("#journal tbody")).to_contain_text("dispense 1: unknown")
        expect(panel.frame_locator("#screen").locator("body")).to_have_attribute(
            "data-face", "ready"
        )
        expect(panel.locator("#lights li.broken")).to_have_count(0)


def test_two_phones_one_code(panel: Page) -> None:
    scan(panel)
    panel.get_by_role("button", name="Forward a photo").click()
    second = panel.frame_locator("#phone-2")
    expect(second.locator("#go")).to_be_enabled()
    first_phone(panel).locator("#go").click()
    expect(panel.locator("#fell")).to_have_text("A can of water fell.")
    second.locator("#go").click()
    expect(second.locator("#told")).to_be_visible()
    expect(left(panel)).to_have_text("11 of 12")
    expect(panel.locator("#counts")).to_contain_text("drinks1")


def test_a_double_tap_and_a_preview_give_one_drink_and_none(panel: Page) -> None:
    panel.get_by_role("button", name="Link preview").click()
    expect(panel.locator("#trace tbody")).to_contain_text("reads the warning")
    expect(state(panel)).to_have_text("idle")
    scan(panel)
    panel.get_by_role("button", name="Double tap").click()
    expect(panel.locator("#fell")).to_have_text("A can of water fell.")
    expect(left(panel)).to_have_text("11 of 12")
    expect(first_phone(panel).locator("#told h2")).to_have_text("Enjoy your drink!")


def test_a_visitor_is_sent(panel: Page) -> None:
    expect(state(panel)).to_have_text("idle")
    panel.get_by_role("button", name="Send a visitor").click()
    expect(panel.locator("#fell")).to_have_text("A can of water fell.")
    expect(panel.locator("#phone-1")).to_have_attribute("src", "about:blank")


def test_time_and_a_crowd(panel: Page) -> None:
    """A day at the expo in seconds."""
    panel.locator("#crowd").focus()
    panel.keyboard.press("End")
    expect(panel.locator("#crowd-told")).to_have_text(re.compile("^3,600 visitors an hour"))
    panel.get_by_role("button", name="Fastest").click()
    drinks = panel.locator("#counts div", has_text="drinks").locator("dd")
    expect(drinks).to_have_text(re.compile(r"^\d?\d?\d,?\d\d\d$"))
    panel.get_by_role("button", name="Pause").click()
    expect(panel.locator("#pace")).to_have_text("stands still")
    expect(panel.locator("#lights li.broken")).to_have_count(0)
    assert panel.locator("#wire tbody tr").count() <= 200


def test_another_board_and_a_drop_sensor(panel: Page) -> None:
    scan(panel)
    panel.get_by_role("combobox", name=re.compile("^Board")).select_option("numato")
    expect(panel.locator("#name")).to_contain_text("numato board")
    panel.get_by_role("combobox", name=re.compile("^Drop sensor")).select_option("cts")
    beam = panel.get_by_role("switch", name=re.compile("Beam blocked"))
    expect(beam).to_be_visible()  # the machine was built anew; what was scanned before is gone
    scan(panel)
    first_phone(panel).locator("#go").click()
    expect(panel.locator("#journal tbody")).to_contain_text("dispense 1: dropped")
    expect(panel.locator("#wire tbody")).to_contain_text("72 65 6C 61 79")
    beam.check()
    expect(panel.locator("#state-line")).to_contain_text("sensor lost")
    panel.get_by_role("button", name="Mend everything").click()
    expect(state(panel)).to_have_text("idle")
    assert not beam.is_checked()


def test_a_light_turns_red_when_a_rule_is_broken(panel: Page) -> None:
    """No controller can help it that a hand closes a relay; the lights tell."""
    panel.get_by_role("button", name="A hand on relay 1").click()
    expect(light(panel, "S1")).to_have_class("broken")
    expect(light(panel, "S1")).to_contain_text("energised for nobody who was warned")
    expect(light(panel, "S6")).not_to_have_class("broken")
    panel.get_by_role("button", name="Start anew").click()
    expect(panel.locator("#lights li.broken")).to_have_count(0)


def test_every_switch_can_be_thrown_and_put_back(panel: Page) -> None:
    panel.get_by_role("combobox", name=re.compile("^Board")).select_option("r421a08")
    panel.get_by_role("combobox", name=re.compile("^Drop sensor")).select_option("dsr")
    expect(panel.get_by_role("switch", name=re.compile("Wrong address"))).to_be_visible()
    expect(panel.get_by_role("switch", name=re.compile("Sensor blind"))).to_be_visible()
    switches = panel.get_by_role("switch").all()
    assert len(switches) >= 20
    for switch in switches:
        switch.check()
        expect(switch).to_be_checked()
    panel.get_by_role("button", name="Mend everything").click()
    for switch in switches:
        expect(switch).not_to_be_checked()
    expect(state(panel)).to_have_text("idle")
    expect(panel.locator("#lights li.broken")).to_have_count(0)


def test_by_keyboard_alone(panel: Page) -> None:
    """Each thing that can be done is reached with Tab, and done with Enter or Space."""
    expect(state(panel)).to_have_text("idle")
    reached: list[str] = []
    wanted = panel.locator("main button:visible:enabled, main select, main a.button").count()
    panel.locator(".skip").focus()
    for _ in range(120):
        panel.keyboard.press("Tab")
        reached.append(panel.evaluate("document.activeElement.outerHTML.slice(0, 90)") or "nothing")
    buttons = {each for each in reached if each.startswith(("<button", "<select", "<a "))}
    assert len(buttons) >= wanted
    panel.get_by_role("button", name="Scan the code").focus()
    panel.keyboard.press("Enter")
    expect(first_phone(panel).locator("#go")).to_be_enabled()
    first_phone(panel).locator("#go").focus()
    panel.keyboard.press("Enter")
    expect(panel.locator("#fell")).to_have_text("A can of water fell.")


def test_a_panel_that_was_left_open_finds_back(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    with (
        simulator(tmp_path, "--port", str(port)) as (program, url),
        opened(browser, url) as panel,
    ):
        assert program.stop() == 0
        expect(panel.locator("#link")).to_have_text(re.compile("trying again"))
        panel.get_by_role("button", name="Pause").click()
        expect(panel.locator("#told")).to_have_text("The simulator does not answer.")
        with simulator(tmp_path, "--port", str(port)):
            expect(panel.locator("#link")).to_have_text("live")
            expect(state(panel)).to_have_text("idle")
            scan(panel)


def test_ten_panels_at_once(browser: Browser, tmp_path: Path) -> None:
    """In one browser, which has six connections for a machine: none is held."""
    with simulator(tmp_path) as (_, url):
        context = browser.new_context(viewport=PHONE)
        panels = [context.new_page() for _ in range(10)]
        for each in panels:
            each.goto(url)
            expect(state(each)).to_have_text("idle")
        panels[0].get_by_role("switch", name=re.compile("Cable out")).check()
        for each in panels:
            expect(state(each)).to_have_text("out_of_service")
            screen = each.frame_locator("#screen").locator("body")
            expect(screen).to_have_attribute("data-face", "out")
        context.close()


# -- for everybody ---------------------------------------------------------------------------


def test_axe_finds_nothing_bad_in_it(browser: Browser, tmp_path: Path) -> None:
    axe = Axe()
    with simulator(tmp_path) as (_, url), opened(browser, url) as panel:
        panel.get_by_role("combobox", name=re.compile("^Drop sensor")).select_option("cts")
        expect(panel.get_by_role("switch", name=re.compile("Beam blocked"))).to_be_visible()
        scan(panel)
        panel.get_by_role("button", name="Forward a photo").click()
        expect(panel.frame_locator("#phone-2").locator("#go")).to_be_enabled()
        assert found(axe, panel) == []
        panel.set_viewport_size(PHONE)
        panel.get_by_role("button", name="A hand on relay 1").click()
        expect(light(panel, "S1")).to_have_class("broken")
        panel.get_by_role("button", name="Pause").click()
        panel.get_by_role("button", name="Pull the plug").click()
        expect(panel.locator("#dark")).to_be_visible()
        assert found(axe, panel) == []
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert panel.evaluate(overflow) <= 0, "nothing stands out at the side"


# -- recordings ------------------------------------------------------------------------------


def test_a_session_is_saved_and_played_again(browser: Browser, tmp_path: Path) -> None:
    with simulator(tmp_path) as (_, url), opened(browser, url) as panel:
        scan(panel)
        first_phone(panel).locator("#go").click()
        expect(panel.locator("#fell")).to_have_text("A can of water fell.")
        with panel.expect_download() as download:
            panel.get_by_role("link", name="Save recording").click()
        saved = tmp_path / "saved.jsonl"
        download.value.save_as(saved)
    head, *_ = saved.read_text().splitlines()
    assert json.loads(head)["quench recording"] == 1
    with (
        quench("sim", "--replay", saved, "--port", "0", "--speed", "0") as program,
        opened(browser, program.wait_for(r"^The panel to play with it: (\S+)$").group(1)) as panel,
    ):
        expect(panel.locator("#pace")).to_have_text("stands still")
        expect(left(panel)).to_have_text("11 of 12")
        expect(panel.locator("#break")).to_be_hidden()
        expect(panel.locator("#people")).to_be_hidden()
        code = httpx.get(f"{panel.url}/news").json()["look"]["scan"]
        page = httpx.get(f"{panel.url.removesuffix('sim')}{code}").text
        assert teaches(page), "whoever scans the screen of a recording is warned"
        assert "<form" not in page
        back = panel.get_by_role("button", name="Step back")
        for _ in range(30):
            if left(panel).inner_text() == "12 of 12":
                break
            before = panel.locator("#clock").inner_text()
            back.click()
            expect(panel.locator("#clock")).not_to_have_text(before)
        expect(left(panel)).to_have_text("12 of 12")
        for _ in range(30):
            if left(panel).inner_text() == "11 of 12":
                break
            before = panel.locator("#clock").inner_text()
            panel.get_by_role("button", name="Step", exact=True).click()
            expect(panel.locator("#clock")).not_to_have_text(before)
        expect(left(panel)).to_have_text("11 of 12")


def test_a_run_of_a_campaign_opens_in_the_panel(browser: Browser) -> None:
    with (
        quench("sim", "--seed-trace", "7", "--port", "0", "--speed", "0") as program,
        opened(browser, program.wait_for(r"^The panel to play with it: (\S+)$").group(1)) as panel,
    ):
        expect(panel.locator("#pace")).to_have_text("stands still")
        expect(panel.locator("#lights li.broken")).to_have_count(0)
        panel.locator("#seek").focus()
        panel.keyboard.press("Home")
        expect(panel.locator("#clock")).to_have_text("0:00:00.000")
