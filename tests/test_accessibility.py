"""Every page, as axe-core judges it: nobody is kept from reading the warning, or from the drink."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from controller.door import Page as Told
from controller.door import Word
from controller.machine import Reason
from controller.status import SlotStatus, Status
from controller.table import State
from controller.web import pages
from controller.web.words import LANGUAGES
from tests.runs import page_of, polled, violated

TOKEN = "A" * 22
PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1440, height=900)
KIOSK = ViewportSize(width=800, height=480)
BAD = ("serious", "critical")


@pytest.fixture(scope="module")
def axe() -> Axe:
    return Axe()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def found(axe: Axe, page: Page) -> list[str]:
    """What is bad, and where."""
    violations: list[dict[str, Any]] = axe.run(page).response["violations"]
    return [
        f"{each['impact']}: {each['help']}: {[node['html'] for node in each['nodes']]}"
        for each in violations
        if each["impact"] in BAD
    ]


def status(state: State, reason: Reason | None = None) -> Status:
    token = TOKEN if state is State.IDLE else ""
    return Status(state, reason, "", 1, token, (SlotStatus("water", 12, 3),))


def test_it_sees_what_is_bad(axe: Axe, page: Page) -> None:
    page.set_content("<html lang=en><title>x</title><main><h1>x</h1><img src='x.png'><main>")
    assert [each.partition(":")[0] for each in found(axe, page)] == ["critical"]


@pytest.mark.parametrize(
    ("word", "lang"),  # both languages have the same parts
    [(Word.FORM, "zh"), *((word, "en") for word in Word)],
)
def test_the_phone_page(word: Word, lang: str, axe: Axe, page: Page) -> None:
    broken = status(State.OUT_OF_SERVICE, Reason.SOLD_OUT)
    told = Told(word, "0" * 48, 2_000, broken if word is Word.OUT_OF_SERVICE else None)
    page.set_viewport_size(PHONE)
    page.set_content(pages.phone(told, LANGUAGES[lang], TOKEN).decode())
    assert found(axe, page) == []


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        *((state, None) for state in State if state is not State.OUT_OF_SERVICE),
        *((State.OUT_OF_SERVICE, reason) for reason in Reason),
    ],
)
def test_the_screen(state: State, reason: Reason | None, axe: Axe, page: Page) -> None:
    page.set_viewport_size(KIOSK)
    page.set_content(pages.screen(status(state, reason), name="x", simulated=True))
    assert found(axe, page) == []


@pytest.mark.parametrize("violation", [False, True], ids=["well", "violated"])
def test_the_timeline(violation: bool, axe: Axe, page: Page) -> None:
    page.set_viewport_size(DESK)
    page.set_content(page_of(*violated()) if violation else page_of(polled()))
    assert found(axe, page) == []
