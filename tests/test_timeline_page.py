"""The HTML file of a run, as somebody reads it: in a browser, with and without its script."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from sim.timeline import timeline
from tests.runs import FACTS, page_of, plain, polled, second_try, troubled, violated


class Reader:
    """The file, open in a browser; whatever the browser complains of is an error."""

    def __init__(self, browser: Browser, path: Path, *, width: int, script: bool = True) -> None:
        self.complaints: list[str] = []
        context = browser.new_context(
            viewport={"width": width, "height": 844}, java_script_enabled=script
        )
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.goto(path.as_uri())

    def _asked(self, url: str) -> None:
        if not url.startswith("file:"):
            self.complaints.append(url)

    def chosen(self) -> list[str]:
        """Which marks and lines are chosen."""
        found: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('.chosen')].map(each => each.id)"
        )
        return sorted(found)

    def close(self) -> None:
        assert self.complaints == []
        self.page.context.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path, page_of(polled()))


def written(folder: Path, text: str) -> Path:
    path = folder / "run.html"
    path.write_text(text, encoding="utf-8")
    return path


def sight(page: Page, selector: str) -> bool:
    """Whether it is in the window, and nothing lies on it."""
    return bool(
        page.evaluate(
            """selector => {
                const part = document.querySelector(selector);
                const box = (part.querySelector("path") ?? part).getBoundingClientRect();
                const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
                return at !== null && part.contains(at);
            }""",
            selector,
        )
    )


@pytest.fixture
def at_desk(browser: Browser, file: Path) -> Iterator[Reader]:
    reader = Reader(browser, file, width=1440)
    yield reader
    reader.close()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_nothing_overflows(
    browser: Browser,
    tmp_path: Path,
    width: int,
    script: bool,
) -> None:
    facts = FACTS | {"trace hash": "0123456789abcdef" * 4, "plan": "1000 scan 1; " * 90}
    for run in (plain(), troubled(), second_try()):
        text = timeline(run, title="x" * 200, facts=facts, violation=violated()[1])
        reader = Reader(browser, written(tmp_path, text), width=width, script=script)
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
        assert reader.page.is_visible("#violation")
        reader.close()


def test_a_mark_and_its_line_are_chosen_together(at_desk: Reader) -> None:
    page = at_desk.page
    last = page.locator(".mark.disc.visitor").last
    number = int(last.get_attribute("data-n") or "")
    last.click()
    assert at_desk.chosen() == [f"e{number}", f"m{number}"]
    assert page.get_attribute(f"#e{number}", "aria-current") == "true"
    assert page.inner_text(f"#e{number} .words") in page.inner_text("#said")
    assert sight(page, f"#e{number}")
    page.click("#e3")
    assert at_desk.chosen() == ["e3", "m3"]
    assert page.get_attribute(f"#e{number}", "aria-current") is None


def test_a_line_brings_its_mark_into_sight(browser: Browser, file: Path) -> None:
    reader = Reader(browser, file, width=390)
    count = reader.page.locator(".mark").count()
    assert not sight(reader.page, f"#m{count - 1}")
    reader.page.click(f"#e{count - 1}")
    assert sight(reader.page, f"#m{count - 1}")
    assert sight(reader.page, f"#e{count - 1}")
    reader.close()


def test_arrow_keys_walk_along_what_is_shown(at_desk: Reader) -> None:
    page = at_desk.page
    page.focus(".mark[tabindex='0']")
    page.keyboard.press("ArrowRight")
    assert at_desk.chosen() == ["e1", "m1"]
    page.uncheck("#show-machine")
    page.uncheck("#show-wire")
    assert not page.is_visible("#e4")
    page.focus("#m1")
    page.keyboard.press("ArrowRight")
    assert at_desk.chosen() == ["e3", "m3"], "a relay's, past one of the wire"
    page.keyboard.press("ArrowLeft")
    assert at_desk.chosen() == ["e3", "m3"], "nothing before it is shown"
    page.focus(".seen a[tabindex='0']")
    page.keyboard.press("ArrowDown")
    (line, _) = at_desk.chosen()
    assert page.evaluate("document.activeElement.closest('li').id") == line != "e3"


def test_a_mark_that_is_pointed_at_shows_its_line(at_desk: Reader) -> None:
    at_desk.page.hover("#m2")
    near = "[...document.querySelectorAll('.near')].map(each => each.id)"
    assert sorted(at_desk.page.evaluate(near)) == ["e2", "m2"]
    at_desk.page.hover("#e4")
    assert sorted(at_desk.page.evaluate(near)) == ["e4", "m4"]
    assert at_desk.chosen() == []


def test_it_reads_without_a_script(browser: Browser, file: Path) -> None:
    reader = Reader(browser, file, width=390, script=False)
    page = reader.page
    page.locator("#m5").click()
    assert page.url.endswith("#e5")
    assert sight(page, "#e5"), "the timeline stands above it, not before it"
    page.locator("#e5 a").click()
    assert page.url.endswith("#m5")
    reader.close()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_long_run_opens_where_it_broke(
    browser: Browser,
    tmp_path: Path,
    script: bool,
) -> None:
    reader = Reader(browser, written(tmp_path, page_of(*violated())), width=390, script=script)
    page = reader.page
    assert not page.is_visible("#e0")
    page.click("text=where it happened")
    for selector in ("#violation", "#violated", ".culprit"):
        assert sight(page, selector), selector
    page.check("#all")
    assert page.is_visible("#e0")
    reader.close()
