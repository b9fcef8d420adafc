"""A timeline in numbers: where each bar, mark and word of it is drawn, in pixels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sim.axis import LONG_MS, axis
from sim.lanes import Bar, Rows, bars, meaning
from sim.marks import EDGE, sign
from sim.reading import Line, clock, columns, span
from sim.trace import Weather
from sim.verdict import Verdict

LATEST_MS = 60_000
"""So much of a long run with a violation is shown at first: what led to it."""
LONG_RUN = 200
"""A run of more lines is long."""

TOP_PX = 40
"""For the axis."""
ROW_PX = 24
_CHARACTER_PX = 7.0
_REPEAT_PX = 640
"""The words of a long bar are repeated, so that some are always in sight."""
_GAP_PX = 8
_HALF_PX = 6
"""Of the widest mark."""

_SHAPES = {
    "edge": "m0 -12v24",
    "dot": "m-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0",
    "ring": "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
    "disc": "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0",
    "square": "m-4 -4h8v8h-8z",
    "down": "m0 -9v9m-3 -4l3 4l3 -4",
    "up": "m0 9v-9m-3 4l3 -4l3 4",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A bar, and its words as often as they are written."""

    bar: Bar
    x: int
    y: int
    width: int
    words: str
    words_at: tuple[int, ...]
    tooltip: str
    early: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands for one line."""

    line: Line
    kind: str
    x: int
    y: int
    width: int
    """With its words."""
    path: str
    words: str
    """Beside it; empty if there is no room."""
    words_x: int
    note: str
    """What the words of a fault mean."""
    later: str
    """For how long nothing was seen before it, if that was long."""
    early: bool


@dataclass(frozen=True, slots=True)
class Band:
    """The rows of one lane."""

    name: str
    rows: tuple[str, ...]
    y: int
    height: int


class Drawing:
    """The timeline of ``lines``, with ``wrong`` if that was said of them."""

    def __init__(self, lines: Sequence[Line], wrong: Verdict | None) -> None:
        self._lines = lines
        self.place = wrong.place(lines) if wrong else len(lines)
        """How many lines lead to the violation."""
        spans_ms = [(line.at_ms, line.until_ms) for line in lines]
        if wrong:
            last_ms = spans_ms[self.place - 1][1] if self.place else 0
            at_ms = last_ms if wrong.at_ms is None else wrong.at_ms
            spans_ms.insert(self.place, (at_ms, at_ms))
        self.axis = axis(spans_ms)
        self._xs = [*self.axis.xs]
        self.wrong_x = self._xs.pop(self.place)[0] if wrong else 0
        self.early = self._early(wrong)
        """How many lines are not shown at first."""
        self.early_x = self._xs[self.early][0] - _GAP_PX if self.early else 0
        lasting = bars(lines)
        self._rows = Rows(lines, lasting)
        self.bands = list(self._bands())
        self.height = TOP_PX + ROW_PX * len(self._rows.rows)
        self.blocks = [self._block(bar) for bar in lasting]
        self.marks = self._marks()

    def _early(self, wrong: Verdict | None) -> int:
        if wrong is None or wrong.at_ms is None or len(self._lines) <= LONG_RUN:
            return 0
        early = sum(line.at_ms < wrong.at_ms - LATEST_MS for line in self._lines)
        return min(early, len(self._lines) - 1)

    def _bands(self) -> Iterator[Band]:
        y = TOP_PX
        for lane, rows in groupby(self._rows.rows, key=lambda row: row.lane):
            names = tuple(row.name for row in rows)
            yield Band(lane.name.lower(), names, y, ROW_PX * len(names))
            y += ROW_PX * len(names)

    def _block(self, bar: Bar) -> Block:
        x = self._xs[bar.begin][0]
        end = self.axis.end if bar.end is None else self._xs[bar.end][0]
        first, last = self._lines[bar.begin], self._lines[-1 if bar.end is None else bar.end]
        lasted = f"{clock(first.at_ms)}, for {span(last.at_ms - first.at_ms)}"
        told = meaning(bar.key) if isinstance(bar.key, str) else ""
        row = self._rows.of_bar(bar)
        free = min(end, self._next_mark(row, bar))
        words = _fitting((bar.words, bar.brief), free - x - 2 * _GAP_PX)
        return Block(
            bar,
            x,
            TOP_PX + ROW_PX * row,
            max(2, end - x),
            words,
            tuple(range(x + _GAP_PX, free - _wide(words), _REPEAT_PX)) if words else (),
            f"{bar.words}{told and ', '}{told}: from {lasted}",
            early=bar.end is not None and bar.end < self.early,
        )

    def _next_mark(self, row: int, bar: Bar) -> int:
        """Where something other than an edge stands in ``row`` after ``bar`` began."""
        for index in range(bar.begin + 1, len(self._lines) if bar.end is None else bar.end):
            line = self._lines[index]
            if self._rows.of_line(line) == row and sign(line) != EDGE:
                return self._xs[index][0] - _HALF_PX
        return self.axis.width

    def _marks(self) -> list[Mark]:
        free = [self.axis.width] * len(self._rows.rows)
        """Where the words of each row must end; from the right to the left."""
        marks = []
        for index in range(len(self._lines) - 1, -1, -1):
            row = self._rows.of_line(self._lines[index])
            marks.append(self._mark(index, row, free[row]))
            free[row] = self._xs[index][0] - _GAP_PX
        return marks[::-1]

    def _mark(self, index: int, row: int, free: int) -> Mark:
        line, (x, end) = self._lines[index], self._xs[index]
        y = TOP_PX + ROW_PX * row + ROW_PX // 2
        kind, *words = sign(line)
        words_x = end + 2 * _HALF_PX
        told = _fitting(words, free - words_x)
        wrong = line.seen.wrong if isinstance(line.seen, Weather) else ()
        return Mark(
            line,
            kind,
            x,
            y,
            (words_x if told else end) + _wide(told) + _HALF_PX - x,
            f"M{x} {y}" + (f"h{end + _HALF_PX - x}" if kind == "polls" else _SHAPES[kind]),
            told,
            words_x,
            "; ".join(filter(None, map(meaning, wrong))),
            self._later(index),
            early=index < self.early,
        )

    def _later(self, index: int) -> str:
        """For how long nothing was seen before that line, if that was long."""
        quiet_ms = self._lines[index].at_ms - self._lines[index - 1].until_ms if index else 0
        return span(quiet_ms) if quiet_ms > LONG_MS else ""


def _fitting(choice: Sequence[str], room_px: int) -> str:
    """The first of ``choice`` that has room; empty if none has."""
    return next((words for words in choice if words and _wide(words) <= room_px), "")


def _wide(words: str) -> int:
    """About how many pixels ``words`` take."""
    return round(_CHARACTER_PX * columns(words))
