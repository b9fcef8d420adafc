"""Traces in words: what is folded, what a violation says, and the table for a terminal."""

import io
import re

import pytest

from sim.properties import WATCHERS
from sim.reading import clock, columns, lines, span
from sim.table import colours, table
from sim.trace import Happened, OnWire, RelaySwitched, Seen
from sim.verdict import verdict
from tests.runs import ATTACK, RUNS, Run, plain, polled, violated

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")

each_run = pytest.mark.parametrize("run", RUNS)


# -- reading ---------------------------------------------------------------------------------


@each_run
def test_nothing_is_left_out_but_what_was_said_before(
    run: Run,
) -> None:
    """Every line in its order; and each frame that has none was there before, byte for byte."""
    own = [line.seen for line in lines(run()) if not line.polls]
    rest = iter(run())
    assert all(any(seen is each for each in rest) for seen in own)
    shown = {id(seen) for seen in own}
    before: set[tuple[bool, bytes]] = set()
    for seen in run():
        if id(seen) in shown:
            before |= {(seen.to_board, seen.data)} if isinstance(seen, OnWire) else set()
        else:
            assert isinstance(seen, OnWire)
            assert (seen.to_board, seen.data) in before


def test_an_hour_of_polls_is_one_line() -> None:
    folded = [line for line in lines(polled()) if line.polls]
    longest = max(folded, key=lambda line: line.polls)
    assert 3_500 < longest.polls <= 3_600
    assert longest.words == (
        f"… {longest.polls} polls until {clock(longest.until_ms)}, answered as before"
    )
    assert len(polled()) > 7_000
    assert len(list(lines(polled()))) < 80


def frame(at_ms: int, data: str, *, to_board: bool) -> OnWire:
    return OnWire(at_ms, to_board, bytes.fromhex(data), "channel 1?" if to_board else "answer")


def polls(*answers: str) -> list[Seen]:
    """A question each second; an empty answer is none."""
    return [
        seen
        for second, answer in enumerate(answers)
        for seen in (
            frame(second * 1_000, "FF 01 03", to_board=True),
            frame(second * 1_000 + 5, answer, to_board=False),
        )
        if seen.data
    ]


def test_an_answer_that_is_new_is_not_folded() -> None:
    told = [line.words for line in lines(polls("00", "00", "00", "01", "01", "", "", "00"))]
    assert told == [
        "→ board FF 01 03  channel 1?",
        "← board 00  answer",
        "… 2 polls until 0:00:02.005, answered as before",
        "→ board FF 01 03  channel 1?",
        "← board 01  answer",
        "→ board channel 1?  ← as before",
        "→ board FF 01 03  channel 1?",
        "→ board channel 1?  ← nothing, as before",
        "→ board FF 01 03  channel 1?",
        "← board 00  answer",
    ]


def test_after_a_relay_was_switched_the_first_answer_is_new() -> None:
    switched = RelaySwitched(2_500, 1, on=True, commanded=True, intents=())
    asked = polls("00", "00", "00", "00")
    told = [line.polls for line in lines([*asked[:6], switched, *asked[6:]])]
    assert told == [0, 0, 2, 0, 0, 0]


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (2_500, "2.5 s"),
        (59_499, "59.5 s"),
        (59_960, "1 min"),
        (200_000, "3 min 20 s"),
        (7_500_000, "2 h 5 min"),
        (86_400_000, "1 d"),
        (270_000_000, "3 d 3 h"),
    ],
)
def test_spans_in_words(ms: int, words: str) -> None:
    assert span(ms) == words


def test_times_are_of_the_clock() -> None:
    assert clock(0) == "0:00:00.000"
    assert clock(37 * 3_600_000 + 2 * 60_000 + 3_004) == "37:02:03.004"


# -- verdicts --------------------------------------------------------------------------------


def test_every_property_has_a_meaning() -> None:
    names = [watcher.name for watcher in WATCHERS]
    names += ["S6 nobody is recorded", "S8 the lesson is free", "the controller broke"]
    meanings = set()
    for name in names:
        wrong = verdict(f"{name}: at 12 ms: this: and that")
        assert wrong is not None
        assert (wrong.name, wrong.at_ms, wrong.what) == (name, 12, "this: and that")
        meanings.add(wrong.meaning)
    assert len(meanings - {""}) == len(names)


def test_a_verdict_names_what_was_seen() -> None:
    trace, text = violated()
    wrong = verdict(text)
    assert wrong is not None
    assert wrong.name == "S1 warned first"
    assert wrong.what == "channel 2 is energised for nobody who was warned"
    rows = list(lines(trace))
    culprit = rows[wrong.place(rows) - 1].seen
    assert isinstance(culprit, RelaySwitched)
    assert culprit.on
    assert repr(culprit) == wrong.seen


def test_a_verdict_stands_at_what_it_names_though_more_was_seen_then() -> None:
    on = RelaySwitched(0, 1, on=True, commanded=True, intents=())
    rows = list(lines([Happened(0, "a stall"), on, *polls("00")]))
    wrong = verdict(f"S3 off is the resting state: at 0 ms: ON ({on})")
    assert wrong is not None
    assert rows[wrong.place(rows) - 1].seen is on


def test_a_verdict_of_no_moment_stands_last() -> None:
    rows = list(lines(polls("00", "01")))
    wrong = verdict("something else")
    assert wrong is not None
    assert (wrong.what, wrong.place(rows)) == ("something else", len(rows))
    late = verdict("S7 it always comes back: at 1000 ms: stuck")
    assert late is not None
    assert late.place(rows) == 3, "before the answer at 1005 ms"
    assert verdict("") is None


# -- the table -------------------------------------------------------------------------------


def test_the_table_of_a_visit() -> None:
    text = "\n".join(table(plain(), width=80))
    assert "  0:00:01.100  visitor        1: reads the warning, with a button\n" in text
    assert "  0:00:03.100  relay coil     channel 1 ON\n" in text
    assert "  0:00:03.100  wire           → board A0 01 01 A2  channel 1 ON\n" in text
    assert "VIOLATED" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [60, 80, 100])
@each_run
def test_the_table_fits(run: Run, width: int) -> None:
    rows = [
        *table(run(), width=width),
        *table(violated()[0], violation=violated()[1], width=width),
    ]
    assert max(map(columns, rows)) <= width
    assert len(rows) > 20


def test_wide_characters_count_as_two() -> None:
    rows = list(table([Happened(0, "乌龙茶" * 40)], width=80))
    assert [columns(row) for row in rows] == [80, 80, 80, 80, 70]
    assert "".join(row.split()[-1] for row in rows) == "乌龙茶" * 40


def test_the_violation_is_last_and_its_cause_is_marked() -> None:
    rows = list(table(violated()[0], violation=violated()[1], width=120))
    (marked,) = [row for row in rows if row.startswith("!")]
    assert marked.split()[2:] == ["relay", "coil", "channel", "2", "ON"]
    last = rows[rows.index("") :]
    assert last[1] == f"VIOLATED  S1 warned first, at {marked.split()[1]}"
    assert "before the warning of that session was served, was shown" in last[2]
    assert "channel 2 is energised for nobody who was warned" in "\n".join(last)


def test_colours_change_no_word() -> None:
    plain, painted = (
        list(table(violated()[0], violation=violated()[1], colour=colour, width=70))
        for colour in (False, True)
    )
    assert [ESCAPES.sub("", row) for row in painted] == plain
    assert painted != plain


def test_no_trace_can_command_the_terminal() -> None:
    (row,) = table([Happened(0, ATTACK)])
    assert row.endswith("alert('&')</script>\\x1b[31m")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_that_want_them() -> None:
    assert colours(Terminal(), {})
    assert colours(Terminal(), {"NO_COLOR": "", "TERM": "xterm"})
    assert not colours(Terminal(), {"NO_COLOR": "1"})
    assert not colours(Terminal(), {"TERM": "dumb"})
    assert not colours(io.StringIO(), {})
