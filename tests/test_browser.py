"""The way a visitor does it: the QR code on the screen, a phone, a tap, bytes on a serial line.

Everything is real: Debian's chromium, zxing-cpp reading the screen's picture,
``quench run`` and, on a pty, ``quench board lcus``.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page

from controller.door import Word
from controller.machine import Reason
from controller.status import Status
from controller.table import State
from controller.web import pages
from controller.web.words import LANGUAGES
from sim.properties import MARGIN_MS, teaches
from tests.processes import Program, machine

ON = r"-> board  A0 (0\d) 01"
OFF = r"-> board  A0 (0\d) 00 \w\w  channel \d OFF, was on for (\d+) ms"
KIOSK = {"width": 800, "height": 480}
FULL_HD = {"width": 1920, "height": 1080}
PULSE_MS = 150


@dataclass
class Hall:
    """The machine with its screen, and the board behind it."""

    screen: Page
    board: Program
    url: str

    def scan(self) -> str:
        """What an independent reader finds in a picture of the screen."""
        self.screen.wait_for_selector("body[data-code]:not([data-code=''])")
        self.screen.wait_for_function("document.getElementById('qr').naturalWidth > 0")
        picture = Image.open(io.BytesIO(self.screen.screenshot()))
        (found,) = zxingcpp.read_barcodes(picture)
        assert found.text.startswith(f"{self.url}/s/")
        return found.text

    def drinks(self) -> int:
        return len(re.findall(ON, self.board.hear()))


@pytest.fixture
def hall(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Hall]:
    viewport = getattr(request, "param", KIOSK)
    with machine(tmp_path, timing={"dwell_ms": 1_000}) as (_, board, url):
        context = browser.new_context(viewport=viewport)
        screen = context.new_page()
        screen.goto(url)
        yield Hall(screen, board, url)
        context.close()


def phone(browser: Browser, lang: str, *, script: bool) -> Page:
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        locale={"en": "en-GB", "zh": "zh-CN"}[lang],
        java_script_enabled=script,
        has_touch=True,
        is_mobile=True,
    )
    return context.new_page()


@pytest.mark.parametrize(
    ("lang", "script", "hall"),  # each with each of the others once
    [
        ("en", True, KIOSK),
        ("en", False, FULL_HD),
        ("zh", True, FULL_HD),
        ("zh", False, KIOSK),
    ],
    indirect=["hall"],
    ids=["en-script-kiosk", "en-no-script-full-hd", "zh-script-full-hd", "zh-no-script-kiosk"],
)
def test_a_visitor_scans_is_warned_and_gets_a_drink(
    hall: Hall, browser: Browser, lang: str, script: bool
) -> None:
    words = LANGUAGES[lang]
    code = hall.scan()
    assert words.screen_ready in hall.screen.inner_text("#words")

    page = phone(browser, lang, script=script)
    page.goto(code)
    assert words.sentence in page.inner_text("h1").lower()
    assert teaches(page.content())
    assert page.title() == words.title
    assert page.is_visible("text=" + words.button)
    hall.screen.wait_for_selector("body[data-face=busy][data-code='']")
    assert hall.drinks() == 0

    page.tap("#go")  # waits, as a finger would, until the button takes it
    channel = hall.board.wait_for(ON).group(1)
    off = hall.board.wait_for(OFF)
    assert off.group(1) == channel
    assert PULSE_MS / 2 <= int(off.group(2)) <= PULSE_MS + MARGIN_MS
    page.wait_for_selector("text=" + words.told[Word.ENJOY].title)
    assert teaches(page.content())

    hall.screen.wait_for_selector("body[data-code='2']")
    assert hall.scan() != code
    assert hall.drinks() == 1
    page.context.close()


def test_a_button_that_is_pressed_too_early_by_keyboard_does_nothing_yet(
    hall: Hall, browser: Browser
) -> None:
    page = phone(browser, "en", script=False)
    page.goto(hall.scan())
    page.focus("#go")
    page.keyboard.press("Enter")
    page.wait_for_url("**visit=*")
    assert hall.drinks() == 0
    page.tap("#go")
    hall.board.wait_for(OFF)
    assert hall.drinks() == 1
    page.context.close()


def test_a_browser_that_never_taps_gets_nothing_and_takes_nothing(
    hall: Hall, browser: Browser
) -> None:
    code = hall.scan()
    robot = phone(browser, "en", script=True)
    robot.goto(code)
    robot.wait_for_selector("#go:enabled")
    robot.mouse.wheel(0, 2_000)
    robot.reload()
    robot.wait_for_selector("#go:enabled")
    robot.context.close()
    assert hall.drinks() == 0

    visitor = phone(browser, "en", script=True)
    visitor.goto(code)
    visitor.tap("#go")
    hall.board.wait_for(OFF)
    visitor.wait_for_selector("text=Enjoy your drink!")
    assert hall.drinks() == 1
    visitor.context.close()


def test_the_language_switch_is_there_and_works(hall: Hall, browser: Browser) -> None:
    page = phone(browser, "en", script=True)
    page.goto(hall.scan())
    page.tap("nav a")
    page.wait_for_selector("text=" + LANGUAGES["zh"].button)
    assert page.get_attribute("html", "lang") == "zh"
    page.tap("#go")
    page.wait_for_selector("text=" + LANGUAGES["zh"].told[Word.ENJOY].title)
    page.context.close()


def test_the_screen_says_why_and_comes_back_over_a_restart(
    browser: Browser, tmp_path: Path
) -> None:
    with machine(tmp_path) as (controller, board, url):
        context = browser.new_context(viewport=KIOSK)
        screen = context.new_page()
        screen.goto(url)
        screen.wait_for_selector("body[data-face=ready]")
        board.stop()
        screen.wait_for_selector("body[data-face=out][data-reason=relay_lost]")
        for words in LANGUAGES.values():
            said = screen.inner_text("#words")
            assert words.screen_out in said
            assert "staff" in said
        controller.kill()
        screen.wait_for_selector("body[data-face=lost][data-code='']")
    with machine(tmp_path, port=int(url.rpartition(":")[2])):
        screen.wait_for_selector("body[data-face=ready][data-code='1']")
    context.close()


@pytest.mark.parametrize("size", [(800, 480), (1280, 800), (1920, 1080), (600, 1024)])
def test_every_reason_fits_on_the_screen(browser: Browser, size: tuple[int, int]) -> None:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    for reason in Reason:
        status = Status(State.OUT_OF_SERVICE, reason, "", 0, "", ())
        page.set_content(pages.screen(status, name="tianjin-01", simulated=False))
        edges = page.evaluate(
            "[...document.querySelectorAll('#words p')].filter(p => p.offsetHeight)"
            ".flatMap(p => [p.getBoundingClientRect().top, p.getBoundingClientRect().bottom])"
        )
        assert len(edges) == 8, "what it is and why, in two languages"
        assert min(edges) >= 0, reason
        assert max(edges) <= size[1], reason
    page.close()
