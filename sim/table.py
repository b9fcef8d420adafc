"""A trace as a table for a terminal."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TextIO

from sim.reading import Line, clock, columns, lines, printable
from sim.trace import Lane, Seen
from sim.verdict import Verdict, verdict

_LANE = max(len(lane.value) for lane in Lane)
_INDENT = len("! 0:00:00.000  ") + _LANE + 2
_LEAST = 20
"""The words get so many columns on the narrowest terminal too."""

_BAD, _FAINT = "1;37;41", "2"
_COLOURS = {
    Lane.VISITOR: "36",
    Lane.MACHINE: "1",
    Lane.COIL: "1;33",
    Lane.WIRE: "2",
    Lane.SENSOR: "32",
    Lane.JOURNAL: "34",
    Lane.FAULT: "35",
}


def colours(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether a table that goes to ``stream`` may have colours.

    Source: https://no-color.org, any NO_COLOR that is not empty.
    """
    plain = environment.get("NO_COLOR") or environment.get("TERM") == "dumb"
    return stream.isatty() and not plain


def table(
    trace: Iterable[Seen], *, violation: str = "", colour: bool = False, width: int = 100
) -> Iterator[str]:
    """The lines of it, none wider than ``width`` columns, if that is at least 50.

    ``violation``: what a property said, if one did; it stands last, and a ``!`` marks
    what it was said of.
    """
    rows = list(lines(trace))
    wrong = verdict(violation)
    culprit = wrong.place(rows) if wrong else 0
    before_ms = -1
    for number, line in enumerate(rows, start=1):
        yield from _row(line, number == culprit, line.at_ms == before_ms, colour, width)
        before_ms = line.at_ms
    if wrong:
        yield from _told(wrong, colour, width)


def _row(line: Line, wrong: bool, same: bool, colour: bool, width: int) -> Iterator[str]:
    lane = line.seen.lane
    code = _BAD if wrong else _COLOURS[lane]
    mark = _paint("!", _BAD, colour) if wrong else " "
    time = _paint(f"{clock(line.at_ms):>11}", _FAINT if same else "", colour)
    head = f"{mark} {time}  {_paint(f'{lane.value:<{_LANE}}', code, colour)}  "
    for words in wrapped(line.words, max(_LEAST, width - _INDENT)):
        yield head + _paint(words, code, colour)
        head = " " * _INDENT


def _told(wrong: Verdict, colour: bool, width: int) -> Iterator[str]:
    when = "" if wrong.at_ms is None else f", at {clock(wrong.at_ms)}"
    yield ""
    yield _paint(f"VIOLATED  {printable(wrong.name)}{when}", _BAD, colour)
    for text in (wrong.meaning, wrong.what, wrong.seen):
        for words in wrapped(printable(text), max(_LEAST, width - 10)):
            yield f"{'':10}{words}"


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code else text


def wrapped(text: str, width: int) -> Iterator[str]:
    """``text`` in pieces of at most ``width`` columns, broken at spaces where there are any."""
    while columns(text) > width:
        fits = _fitting(text, width)
        space = text.rfind(" ", 1, fits + 1)
        end = space if space > 0 else fits
        yield text[:end].rstrip()
        text = text[end:].lstrip()
    if text:
        yield text


def _fitting(text: str, width: int) -> int:
    """How many of its first characters are at most ``width`` columns wide, and one at least."""
    used = 0
    for count, character in enumerate(text):
        used += columns(character)
        if used > width:
            return max(1, count)
    return len(text)
