"""The one HTML file with a timeline: in numbers, and as a file."""

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html.parser import HTMLParser
from itertools import combinations, product

import pytest

from sim.axis import BREAK_PX, LEAST_PX, axis
from sim.drawing import LATEST_MS, LONG_RUN, ROW_PX, Drawing
from sim.lanes import Bar, bars
from sim.reading import Line, columns, lines
from sim.timeline import timeline
from sim.trace import Died, Happened, Lane, RelaySwitched, Weather
from sim.verdict import verdict
from tests.runs import ATTACK, RUNS, Run, page_of, plain, second_try, troubled, violated, welded

each_run = pytest.mark.parametrize("run", RUNS)


# -- lanes and axis --------------------------------------------------------------------------


def named(rows: Sequence[Line], lane: Lane) -> list[tuple[str, int, int | None]]:
    """The bars of a lane: their words, when they begin, and when they end."""

    def end_ms(bar: Bar) -> int | None:
        return None if bar.end is None else rows[bar.end].at_ms

    return [(b.words, rows[b.begin].at_ms, end_ms(b)) for b in bars(rows) if b.lane is lane]


def test_the_bars_of_a_visit() -> None:
    rows = list(lines(plain()))
    assert named(rows, Lane.COIL) == [("channel 1 ON", 3_100, 3_800)]
    states = [words for words, _, _ in named(rows, Lane.MACHINE)]
    starting = "out of service (starting)"
    assert states == [starting, "idle", "scanned", "warned", "dispensing", "idle"]
    assert len(named(rows, Lane.SENSOR)) == 1
    assert named(rows, Lane.FAULT) == []


def test_faults_last_from_the_throw_to_the_mend() -> None:
    rows = list(lines(troubled()))
    thrown, both, mended, well = (s.at_ms for s in troubled() if isinstance(s, Weather))
    assert named(rows, Lane.FAULT) == [("welded:1", thrown, mended), ("dead", both, well)]
    gone = [bar for bar in bars(rows) if bar.kind == "gone"]
    assert [bar.words for bar in gone] == ["killed", "without power"]
    assert gone[0].end is not None
    assert rows[gone[0].end].at_ms - rows[gone[0].begin].at_ms == 30_000
    drawn = Drawing(rows, None)
    welded, dead = (block for block in drawn.blocks if block.bar.lane is Lane.FAULT)
    assert welded.y == drawn.bands[-1].y
    assert dead.y > welded.y, "they last at one time, so they stand beneath each other"
    assert "has no power behind its adapter" in dead.tooltip


def test_what_was_over_at_once_stands_above_what_lasts() -> None:
    seen = [Weather(0, False, ("dead",)), Happened(400, "a stall"), Weather(9_000, True)]
    drawn = Drawing(list(lines(seen)), None)
    assert drawn.marks[1].y < drawn.blocks[0].y


def test_each_channel_that_was_on_has_a_row() -> None:
    rows = list(lines(second_try()))
    assert [words for words, _, _ in named(rows, Lane.COIL)] == ["channel 1 ON", "channel 2 ON"]
    (coil,) = (band for band in Drawing(rows, None).bands if band.name == "coil")
    assert coil.rows == ("1", "2")


def test_a_contact_that_is_welded_is_drawn_as_it_is_not_as_it_was_told() -> None:
    rows = list(lines(welded()))
    (dark_ms,) = (each.at_ms for each in welded() if isinstance(each, Died))
    (words, _, off_ms), stays = named(rows, Lane.COIL)
    assert words == "channel 1 ON"
    assert stays == ("channel 1 stays closed", off_ms, dark_ms)


def test_channels_that_were_never_on_share_a_row() -> None:
    told = [
        RelaySwitched(0, channel, on=channel in (2, 10), commanded=True, intents=())
        for channel in range(1, 17)
    ]
    (coil,) = (band for band in Drawing(list(lines(told)), None).bands if band.name == "coil")
    assert coil.rows == ("2", "10", "others")


def test_the_axis_is_true_but_for_its_breaks() -> None:
    drawn = axis([(0, 0), (0, 0), (1_000, 1_000), (2_000, 62_000), (62_000, 62_000)])
    begins = [begin for begin, _ in drawn.xs]
    assert begins[1] - begins[0] == LEAST_PX
    assert begins[2] - begins[1] == begins[3] - begins[2] == LEAST_PX + 80
    assert drawn.xs[3] == (begins[3], begins[3] + BREAK_PX)
    assert [each.words for each in drawn.breaks] == ["1 min"]
    assert [each.words for each in drawn.moments][:2] == ["0:00:00.000", "0:00:01.000"]
    assert axis([]).xs == ()


@each_run
def test_everything_stands_in_its_order_and_within(run: Run) -> None:
    drawn = Drawing(list(lines(run())), None)
    xs = [mark.x for mark in drawn.marks]
    assert xs == sorted(set(xs))
    assert all(0 < mark.y < drawn.height for mark in drawn.marks)
    assert all(0 <= block.x < block.x + block.width < drawn.axis.width for block in drawn.blocks)


@each_run
def test_words_never_run_into_anything(run: Run) -> None:
    drawn = Drawing(list(lines(run())), None)
    marks = [mark for mark in drawn.marks if mark.kind != "edge"]
    for before, after in combinations(marks, 2):
        if before.words and after.y == before.y:
            assert before.words_x + 6 * columns(before.words) < after.x
    for block, mark in product(drawn.blocks, marks):
        if block.y < mark.y < block.y + ROW_PX and block.x < mark.x < block.x + block.width:
            assert mark.kind == "disc", "a drink, in the beam"
            ends = [x + 7 * columns(block.words) for x in block.words_at]
            assert max(ends, default=0) < mark.x - 5


# -- the file --------------------------------------------------------------------------------


class Parts(HTMLParser):
    """Every attribute of a page, and what stands in each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.sources: dict[str, list[str]] = {"script": [], "style": []}
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in self.sources:
            self.sources[self._within].append(data)


@each_run
def test_the_same_trace_is_the_same_file(run: Run) -> None:
    assert page_of(run()) == page_of(list(run()))
    assert page_of(*violated()) == page_of(*violated())
    assert page_of(run()) != page_of(run()[:-1])


@each_run
def test_the_file_needs_nothing_from_outside(run: Run) -> None:
    for text in (page_of(run()), page_of(*violated())):
        parts = Parts(text)
        ids = {*parts.ids}
        assert len(ids) == len(parts.ids)
        assert "http" not in text.replace("http-equiv", "")
        assert "//" not in "".join(parts.sources["style"])
        assert "@import" not in text
        for tag, name, value in parts.attributes:
            assert name not in ("src", "srcset", "style", "data", "action", "xlink:href"), tag
            assert not name.startswith("on"), tag
            if name == "href":
                assert value[0] == "#"
                assert value[1:] in ids
        assert set(re.findall(r"url\((.)", text)) == {"#"}


def test_the_policy_allows_this_style_and_this_script_only() -> None:
    parts = Parts(page_of(plain()))
    (policy,) = (value for _, _, value in parts.attributes if "default-src" in value)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for sources in parts.sources.values():
        (source,) = sources
        hashed = b64encode(sha256(source.encode()).digest()).decode()
        assert f"-src 'sha256-{hashed}'" in policy


@each_run
def test_the_file_says_what_was_seen(run: Run) -> None:
    text = page_of(run())
    assert "No property is violated" in text
    assert "quench replay 1" in text
    numbers = re.findall(r'<li id="e(\d+)"', text)
    assert numbers == [str(number) for number in range(len(list(lines(run()))))]
    assert numbers == re.findall(r'id="m(\d+)"', text)


def test_no_word_of_a_trace_is_markup() -> None:
    seen = [*second_try(), Happened(99_000, ATTACK), Weather(99_000, False, (ATTACK,))]
    text = timeline(seen, title=ATTACK, facts={ATTACK: ATTACK}, violation=ATTACK)
    assert text.count("<script>") == 1
    assert "&lt;script&gt;乌龙茶&lt;/script&gt;" in text
    assert "&lt;script&gt;alert(&#39;&amp;&#39;)" in text
    long = timeline(seen, title="", facts={"plan": ATTACK * 20}, violation=f"{ATTACK}: at 5 ms: x")
    assert long.count("<script>") == 1
    assert "<details>" in long


def test_the_violation_is_on_top_and_where_it_happened() -> None:
    trace, violation = violated()
    text = page_of([*trace, Died(trace[-1].at_ms)], violation)
    body = text[text.index("<body>") :]
    assert body.index("Violated: S1 warned first") < body.index("<h1>")
    assert "No property is violated" not in text
    (culprit,) = re.findall(r'culprit" data-n="(\d+)"', text)
    assert text.index(f'id="e{culprit}"') < text.index('id="violation"')
    assert text.index('id="violation"') < text.index(f'id="e{int(culprit) + 1}"')


def test_a_run_of_nothing_can_be_drawn() -> None:
    assert '<li id="' not in page_of([])
    assert 'id="violation"' in page_of([], "S7 it always comes back: at 0 ms: not at rest")


def test_a_long_run_begins_with_its_last_minute() -> None:
    trace, violation = violated()
    rows, wrong = list(lines(trace)), verdict(violation)
    assert wrong is not None
    assert wrong.at_ms is not None
    early = Drawing(rows, wrong).early
    assert 0 < early < len(rows)
    assert rows[early - 1].at_ms < wrong.at_ms - LATEST_MS <= rows[early].at_ms
    assert Drawing(rows, None).early == 0
    assert Drawing(rows[-LONG_RUN:], wrong).early == 0
    assert Drawing(rows[-LONG_RUN - 1 :], wrong).early > 0


def ratio(one: str, other: str) -> float:
    """How well a colour stands out from another. Source: WCAG 2.2, "contrast ratio"."""

    def luminance(colour: str) -> float:
        digits = colour if len(colour) == 6 else "".join(2 * digit for digit in colour)
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


LANES = [lane.name.lower() for lane in Lane]
STATES = ["idle", "scanned", "warned", "dispensing", "out_of_service", "gone"]


def test_every_word_stands_out_by_day_and_by_night() -> None:
    (style,) = Parts(page_of(plain())).sources["style"]
    schemes = [dict(re.findall(r"--([a-z_-]+):#(\w+)", part)) for part in style.split("@media")[:2]]
    for colours in schemes:
        pairs = [(text, paper) for text in [*LANES, "text", "faint"] for paper in ("card", "page")]
        pairs += [("text", paper) for paper in [*STATES, "stripe", "on"]]
        pairs += [("faint", "stripe"), ("bad-text", "bad"), ("good", "page")]
        pairs += [("bar", lane) for lane in ("coil", "sensor", "fault")]
        for text, paper in pairs:
            assert ratio(colours[text], colours[paper]) >= 4.5, (text, paper)
