"""The pages as a phone gets them: a real ``quench sim``, real HTTP."""

import asyncio
import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from controller.door import Word
from controller.web.words import EN, LANGUAGES, ZH, preferred
from sim.properties import MARGIN_MS, recorded, teaches
from tests.processes import Program, machine, quench, written
from tests.scanner import scan_svg

ON = r"-> board  A0 0\d 01"
OFF_AGAIN = r"channel \d OFF, was on for (\d+) ms"
ROUND_TRIP_BYTES = 14_000
MADE_UP = "A" * 22


@dataclass
class Phone:
    """A visitor's phone, or whatever else speaks HTTP, before a simulated machine."""

    http: httpx.Client
    program: Program

    def code(self, number: int = 1) -> str:
        """The path of the ``number``-th scan code that the simulator showed."""
        return urlsplit(self.program.wait_for(r"^Scan it, or open (\S+)$", number).group(1)).path

    def page(self, path: str, **headers: str) -> str:
        return read(self.http.get(path, headers=headers))

    def tap(self, path: str, page: str, **more: str) -> httpx.Response:
        """Press the button of ``page``; the answer's redirect is followed once."""
        answer = self.http.post(path, data={"visit": mark(page), **more})
        assert answer.status_code == 303
        assert answer.next_request is not None
        return self.http.send(answer.next_request)

    def follow(self, page: httpx.Response) -> str:
        """Look again until the page has come to its end."""
        for _ in range(5_000):
            if "data-moves" not in page.text:
                return page.text
            page = self.http.get(page.url)
        raise AssertionError(f"never came to an end: {page.text}")

    def await_dwell(self, path: str) -> str:
        """A page of ``path`` whose button may be used: looked at until it says so."""
        page = self.http.get(path)
        visit = mark(page.text)
        for _ in range(5_000):
            if 'data-ms="0"' in page.text:
                return page.text
            page = self.http.get(path, params={"visit": visit})
        raise AssertionError("the dwell never passed")

    def await_state(self, state: str) -> None:
        """Look at the status until it says ``state``: what a page reports is decided later."""
        for _ in range(5_000):
            if (status := self.status())["state"] == state:
                return
        raise AssertionError(f"never {state}, but {status}")

    def drinks(self) -> int:
        return len(re.findall(ON, self.program.hear()))

    def status(self) -> dict[str, object]:
        answer: dict[str, object] = self.http.get("/api/status").json()
        return answer


def read(answer: httpx.Response) -> str:
    """The page with its entities resolved, as a browser would."""
    return unescape(answer.text)


def mark(page: str) -> str:
    found = re.search(r'name="visit" value="([\w-]+)"', page)
    assert found, page
    return found.group(1)


@contextmanager
def simulated(folder: Path, **sections: object) -> Iterator[Phone]:
    arguments = ("sim", "--config", written(folder, **sections), "--state-dir", folder / "state")
    with quench(*arguments) as program:
        url = program.wait_for(r"^quench: ready at (\S+)$").group(1)
        with httpx.Client(base_url=url, headers={"user-agent": "a phone"}) as http:
            yield Phone(http, program)


@pytest.fixture(scope="module")
def idle_phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    """One machine for all the tests that must leave it as they found it."""
    with simulated(tmp_path_factory.mktemp("idle")) as phone:
        yield phone


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Phone]:
    with simulated(tmp_path) as phone:
        yield phone


# -- the warning ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "words"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", ZH),
        ("en-GB,en;q=0.9", EN),
        ("fr, zh;q=0.2, en;q=0.1", ZH),
        ("zh;q=0, en;q=0.1", EN),
        ("EN-us;q=oops, ZH-Hant", ZH),
        ("fr", EN),
        ("", EN),
    ],
)
def test_the_language_that_the_phone_prefers(accept: str, words: object) -> None:
    assert preferred(accept) is words


def test_the_warning_is_in_the_first_response_and_small(phone: Phone) -> None:
    path = phone.code()
    for lang, words in LANGUAGES.items():
        answer = phone.http.get(path, headers={"accept-language": lang})
        assert answer.status_code == 200
        assert answer.headers["content-language"] == lang
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        page = answer.text
        assert teaches(page)
        for text in (words.headline, words.why, *words.advice, words.button):
            assert text in page
        assert "2 s" not in page, "the dwell is that of this machine's config"
        assert words.read_first.replace("{seconds}", "1") in page
        assert len(gzip.compress(answer.content)) + len(str(answer.headers)) <= ROUND_TRIP_BYTES
        assert len(answer.content) <= ROUND_TRIP_BYTES, "no phone has to ask for compression"
        assert not re.search(r"https?://|//[a-z]", page), "nothing comes from anywhere else"


def test_the_language_can_be_switched_without_losing_the_dwell(phone: Phone) -> None:
    path = phone.code()
    page = phone.await_dwell(path)
    link = re.search(r'<a href="([^"]+)" lang="zh"', page)
    assert link
    switched = phone.http.get(f"/s/{link.group(1)}".replace("&amp;", "&")).text
    assert ZH.button in switched
    assert 'data-ms="0"' in switched
    phone.follow(phone.tap(path, switched, lang="zh"))
    assert phone.drinks() == 1


def test_a_visit_from_scan_to_drink(phone: Phone) -> None:
    path = phone.code()
    assert phone.status()["state"] == "idle"
    page = phone.await_dwell(path)
    phone.await_state("scanned")
    shown = re.search(r'url\("([^"]+)"\)', page)
    assert shown
    assert phone.http.get(f"/s/{shown.group(1)}".replace("&amp;", "&")).status_code == 204
    phone.await_state("warned")
    assert phone.drinks() == 0

    first = phone.tap(path, page, lang="zh")
    assert ZH.told[Word.COMING].title in first.text
    assert teaches(first.text)
    assert '<meta http-equiv="refresh"' in first.text, "a phone without script follows too"
    assert ZH.told[Word.ENJOY].title in phone.follow(first)

    pulse_ms = int(phone.program.wait_for(OFF_AGAIN).group(1))
    assert 150 <= pulse_ms <= 150 + MARGIN_MS
    assert phone.code(2) != path
    assert phone.drinks() == 1
    assert phone.status()["slots"] == [
        {"name": "water", "capacity": 12, "remaining": 11, "healthy": True, "fault": None},
        {"name": "tea", "capacity": 12, "remaining": 12, "healthy": True, "fault": None},
    ]


def test_a_tap_before_the_dwell_is_over_waits_kindly(tmp_path: Path) -> None:
    with simulated(tmp_path, timing={"dwell_ms": 15_000}) as phone:
        path = phone.code()
        page = phone.page(path)
        for _ in range(3):
            again = phone.tap(path, page).text
            assert mark(again) == mark(page), "the same page, so that its dwell goes on"
            left = re.search(r'data-ms="(\d+)"', again)
            assert left
            assert 0 < int(left.group(1)) < 15_000
        assert phone.drinks() == 0
        assert phone.status()["state"] == "warned"


# -- codes that are good for nothing any more ---------------------------------------------


def test_a_used_code_still_teaches_and_says_what_to_do(phone: Phone) -> None:
    path = phone.code()
    late = phone.page(path)
    page = phone.await_dwell(path)
    phone.follow(phone.tap(path, page))
    for answer in (phone.page(path), read(phone.tap(path, late))):
        assert teaches(answer)
        assert EN.told[Word.USED].text in answer
    # Whoever got the drink is told so however often the page is looked at.
    again = phone.http.get(path, params={"visit": mark(page)}).text
    assert EN.told[Word.ENJOY].title in again
    assert phone.drinks() == 1


@pytest.mark.parametrize(
    "path",
    [
        *(f"/s/{MADE_UP}", "/s/x", "/s/", "/s", "/s/%00", "/s/%F0%9F%98%80", "/s/a/b/c"),
        *("/s/..%2F..%2Fetc", "/s/" + "x" * 3_000, "/s/%3Cscript%3E", "/s/javascript:alert(1)"),
        f"/s/{MADE_UP}?visit=%3Cscript%3E&lang=%3Cscript%3E",
    ],
)
def test_a_made_up_code_teaches(idle_phone: Phone, path: str) -> None:
    for answer in (
        idle_phone.http.get(path, follow_redirects=True),
        idle_phone.http.post(path, data={"visit": "x"}, follow_redirects=True),
    ):
        assert answer.status_code == 200
        assert teaches(answer.text)
        assert EN.told[Word.STALE].text in read(answer)
        assert "<script>alert" not in answer.text
        assert "%3Cscript" not in answer.text
    assert idle_phone.drinks() == 0


def test_unspent_codes_die_with_a_restart_and_a_cut_short_drink_is_told(tmp_path: Path) -> None:
    with simulated(tmp_path) as phone:
        unspent, spent = phone.page(phone.code()), phone.await_dwell(phone.code())
        path = phone.code()
        phone.http.post(path, data={"visit": mark(spent)})
        phone.program.wait_for(ON)
        phone.program.kill()
    with simulated(tmp_path) as phone:
        told = phone.http.get(path, params={"visit": mark(spent)}).text
        assert EN.told[Word.UNKNOWN].title in told
        assert EN.told[Word.UNKNOWN].title in phone.tap(path, unspent).text
        assert phone.drinks() == 0
        unspent_path = phone.code()
    with simulated(tmp_path) as phone:
        assert EN.told[Word.STALE].title in phone.page(unspent_path)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"visit", b"visit=", b"visit=" + b"A" * 900, b"visit=" + b"A" * 5_000),
        *(b"\xff\x00&=" * 20, b"&".join([b"a=b"] * 40), b"visit=%FF%FE", b"visit=A&visit=B"),
    ],
)
def test_a_tap_that_is_not_one_gets_the_page_again(idle_phone: Phone, body: bytes) -> None:
    path = idle_phone.code()
    answer = idle_phone.http.post(
        path, content=body, follow_redirects=True, headers={"user-agent": "a bot"}
    )
    assert answer.status_code == 200
    assert EN.button in answer.text
    assert idle_phone.drinks() == 0


# -- crowds and robots --------------------------------------------------------------------


def test_previews_get_no_drink_and_leave_the_code_to_the_visitor(phone: Phone) -> None:
    path = phone.code()
    robots = [
        "facebookexternalhit/1.1",
        "WhatsApp/2.23.20.0",
        "TelegramBot (like TwitterBot)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    ]
    for robot in robots:
        assert teaches(phone.page(path, **{"user-agent": robot}))
    assert teaches(phone.page(path, **{"sec-purpose": "prefetch;prerender"}))
    assert teaches(phone.page(path, purpose="prefetch"))
    head = phone.http.head(path)
    assert head.status_code == 200
    assert head.content == b""
    assert phone.status()["state"] == "idle", "nobody is expected"

    for _ in range(20):  # one that doesn't say what it is, and runs what it finds
        page = phone.page(path)
        phone.http.get(f"{path}/shown", params={"visit": mark(page)})
    phone.await_state("warned")
    assert phone.drinks() == 0

    phone.follow(phone.tap(path, phone.await_dwell(path)))
    assert phone.drinks() == 1


def test_a_thousand_taps_at_once_give_one_drink(phone: Phone) -> None:
    path = phone.code()
    pages = [mark(phone.page(path)) for _ in range(10)]
    phone.await_dwell(path)
    url = urlsplit(str(phone.http.base_url))

    async def tap(visit: str) -> bytes:
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        body = urlencode({"visit": visit}).encode()
        writer.write(
            b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\n%s"
            % (path.encode(), len(body), body)
        )
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.split(b"\r\n", 1)[0]

    async def crowd() -> list[bytes]:
        return await asyncio.gather(*(tap(pages[n % len(pages)]) for n in range(1_000)))

    answers = asyncio.run(crowd())
    assert answers == [b"HTTP/1.1 303 See Other"] * 1_000
    phone.code(2)
    assert phone.drinks() == 1
    words = [phone.http.get(path, params={"visit": page}).text for page in pages]
    assert sum(EN.told[Word.ENJOY].title in word for word in words) == 1
    assert sum(EN.told[Word.USED].title in word for word in words) == len(pages) - 1


# -- the screen and the programs -------------------------------------------------------------


def test_the_event_stream_tells_each_state(phone: Phone) -> None:
    path = phone.code()
    with phone.http.stream("GET", "/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()

        def next_state() -> dict[str, object]:
            for line in lines:
                if line.startswith("data:") and line != "data:":
                    said: dict[str, object] = json.loads(line.removeprefix("data:"))
                    return said
            raise AssertionError("the stream ended")

        ready = next_state()
        assert (ready["state"], ready["face"], ready["code"]) == ("idle", "ready", 1)
        with httpx.Client(base_url=phone.http.base_url) as other:
            visitor = Phone(other, phone.program)
            page = visitor.await_dwell(path)
            busy = next_state()
            assert (busy["state"], busy["face"], busy["code"]) == ("scanned", "busy", None)
            visitor.tap(path, page)
        # One letter brings the tap and all that it proves; the stream may join what is quick.
        states = []
        while not states or states[-1]["state"] != "idle":
            states.append(next_state())
        assert "dispensing" in [state["state"] for state in states]
        assert states[-1]["code"] == 2
        assert states[-1]["last_went_well"] is True
        token = path.removeprefix("/s/")
        assert token not in json.dumps([ready, busy, *states])


def test_sold_out_still_teaches_and_a_refill_opens_the_machine(tmp_path: Path) -> None:
    slots = [{"name": "water", "channel": 1, "capacity": 1, "pulse_ms": 150}]
    with simulated(tmp_path, slots=slots) as phone:
        path = phone.code()
        phone.follow(phone.tap(path, phone.await_dwell(path)))
        status = phone.status()
        assert (status["state"], status["reason"]) == ("out_of_service", "sold_out")
        page = phone.page(f"/s/{MADE_UP}")
        assert teaches(page)
        assert EN.told[Word.OUT_OF_SERVICE].title in page
        assert "All drinks are gone" in page
        assert phone.http.get("/qr.svg").status_code == 404
        assert ZH.screen_out in phone.page("/")

        arguments = ("--config", tmp_path / "config.yaml", "--state-dir", tmp_path / "state")
        with quench("stock", *arguments, "load", "water") as loader:
            assert loader.end() == 0
            assert loader.said == "slot water now holds 1 of 1\n"
        phone.code(2)
        assert phone.status()["state"] == "idle"
        with quench("stock", *arguments) as stock:
            assert stock.end() == 0
            assert stock.said.splitlines()[1].split() == ["water", *["1", "1", "2", "1", "0", "0"]]


def test_a_screen_opened_while_the_machine_starts_waits_for_it(tmp_path: Path) -> None:
    """Eight channels take the board 700 ms; a screen must not show a broken machine meanwhile."""
    relay = {"driver": "lcus", "port": str(tmp_path / "board"), "channels": 8}
    with machine(tmp_path, hardware={"relay": relay}) as (controller, _, url):
        with httpx.Client(base_url=url) as http:
            assert http.get("/healthz").status_code == 200
            assert 'data-face="ready"' in http.get("/").text
            assert http.get("/api/status").json()["state"] == "idle"
            assert http.get("/qr.svg").status_code == 200
        assert controller.stop() == 0


def test_metrics_and_health(phone: Phone) -> None:
    path = phone.code()
    phone.follow(phone.tap(path, phone.await_dwell(path)))
    assert phone.http.get("/healthz").status_code == 200
    metrics = phone.http.get("/metrics").text
    assert 'quench_dispenses_total{outcome="commanded"} 1.0' in metrics
    assert 'quench_drinks_remaining{slot="water"} 11.0' in metrics
    assert 'quench_state{state="idle"} 1.0' in metrics
    assert 'quench_warnings_served_total{lang="en"}' in metrics


def test_nobody_is_recorded(tmp_path: Path) -> None:
    agent = "Quipu-Phone/7.31"
    with simulated(tmp_path) as phone:
        path = phone.code()
        phone.http.headers["user-agent"] = agent
        phone.http.headers["x-forwarded-for"] = "203.0.113.77"
        phone.http.cookies.set("visitor", "crumb-5512")
        page = phone.await_dwell(path)
        phone.follow(phone.tap(path, page))
        phone.http.get(f"/s/{MADE_UP}")
        phone.http.get("/s/nonsense-token-9")
        metrics = phone.http.get("/metrics").content
        second = phone.code(2)
        phone.page(second)
        phone.program.stop()
        # The simulator shows its codes in the terminal, as its screen does: that is no log.
        log = re.sub(r"Scan it, or open .*", "", phone.program.said)
    files = [(str(each), each.read_bytes()) for each in tmp_path.rglob("*") if each.is_file()]
    assert any(name.endswith("quench.db") for name, _ in files)
    tokens = [path.removeprefix("/s/"), second.removeprefix("/s/"), MADE_UP, "nonsense-token-9"]
    pieces = [token[at : at + 7] for token in tokens[:2] for at in (0, 7, 14)]
    secrets = [*tokens, *pieces, mark(page), agent, "203.0.113.77", "crumb-5512"]
    haystacks = [*files, ("log", log.encode()), ("metrics", metrics)]
    assert list(recorded(haystacks, secrets)) == []
    assert list(recorded([("a visit", page.encode())], secrets)) != [], "the search finds things"


def test_a_real_machine_shows_its_codes_on_its_screen_only(tmp_path: Path) -> None:
    """What it prints is kept, by whoever runs it as a service."""
    with machine(tmp_path) as (controller, _, url):
        path = urlsplit(scan_svg(httpx.get(f"{url}/qr.svg").text)).path
        assert teaches(httpx.get(url + path).text)
        assert controller.stop() == 0
    assert path.removeprefix("/s/") not in controller.said
    assert "in service" in controller.said, "it does print"
