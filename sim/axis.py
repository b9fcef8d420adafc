"""Where on a timeline each line of a trace stands, in pixels.

A run lasts hours, and what matters in it milliseconds. So the axis is true where
something happens: it has so many pixels a second, and a little more for each thing,
so that what is seen at one moment stands side by side, in its order. Where nothing
happens for long it is broken, and the break says how long.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sim.reading import clock, span

PX_PER_S = 80
LEAST_PX = 10
"""Between one thing and the next."""
LONG_MS = 2_500
"""Nothing for longer than this is a break; a dwell is none."""
BREAK_PX = 84
_LABEL_PX = 84
"""What the words of a moment need."""
_MARGIN_PX = 14
_LAST_PX = 56
"""For what lasts when the run ends."""
_TAIL_PX = 160
"""For the words of what comes last."""


@dataclass(frozen=True, slots=True)
class Break:
    """Where the axis is broken."""

    x: int
    width: int
    words: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of the axis with its time."""

    x: int
    words: str


@dataclass(frozen=True, slots=True)
class Axis:
    """``xs`` has where each line begins and where it ends."""

    xs: tuple[tuple[int, int], ...]
    breaks: tuple[Break, ...]
    moments: tuple[Moment, ...]
    end: int
    """Where the run ends; the rest of the width is for words."""
    width: int


def axis(spans_ms: Sequence[tuple[int, int]]) -> Axis:
    """The axis of lines that begin and end at those times, in order."""
    xs: list[tuple[int, int]] = []
    breaks: list[Break] = []
    x, now_ms = _MARGIN_PX, spans_ms[0][0] if spans_ms else 0
    for begin_ms, end_ms in spans_ms:
        if xs:
            x += LEAST_PX
        begin = x = _passed(x, begin_ms - now_ms, breaks)
        x = _passed(x, end_ms - begin_ms, breaks)
        now_ms = max(now_ms, end_ms)
        xs.append((begin, x))
    moments = _moments(
        [(span_ms[0], place[0]) for span_ms, place in zip(spans_ms, xs, strict=True)]
    )
    return Axis(tuple(xs), tuple(breaks), tuple(moments), x + _LAST_PX, x + _TAIL_PX)


def _passed(x: int, span_ms: int, breaks: list[Break]) -> int:
    """Where the axis is after ``span_ms`` more."""
    if span_ms <= LONG_MS:
        return x + max(0, span_ms) * PX_PER_S // 1_000
    breaks.append(Break(x, BREAK_PX, span(span_ms)))
    return x + BREAK_PX


def _moments(places: Sequence[tuple[int, int]]) -> list[Moment]:
    """As many times as there is room for, each at the first thing that was seen then."""
    moments: list[Moment] = []
    before_ms = -1
    for at_ms, x in places:
        if at_ms != before_ms and (not moments or x >= moments[-1].x + _LABEL_PX):
            moments.append(Moment(x, clock(at_ms)))
        before_ms = at_ms
    return moments
