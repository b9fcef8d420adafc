"""A trace as a person reads it: polls that bring nothing new folded into one line, times in words.

A controller asks its board every second how its relays are. Of a question that is
answered as it was the last time, nothing but the number is kept, until a relay is
switched or the port is opened: then the first answers are new again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from sim.trace import Attached, Booted, OnWire, RelaySwitched, Seen


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the trace."""

    seen: Seen
    """What was seen, or the first of the frames that are folded."""
    words: str
    until_ms: int
    """When the last of them was seen."""
    polls: int = 0
    """How many questions are folded into it, each with its answers; 0: none, it is one thing."""

    @property
    def at_ms(self) -> int:
        return self.seen.at_ms


def lines(trace: Iterable[Seen]) -> Iterator[Line]:
    """All of ``trace``, in its order."""
    answered: dict[bytes, list[bytes]] = {}
    polls: list[list[OnWire]] = []
    for group in _groups(trace):
        if isinstance(group[0], OnWire) and group[0].to_board:
            question, *answers = frames = [seen for seen in group if isinstance(seen, OnWire)]
            told = [answer.data for answer in answers]
            if answered.get(question.data) == told:
                polls.append(frames)
                continue
            answered[question.data] = told
        elif isinstance(group[0], (Booted, Attached, RelaySwitched)):
            answered.clear()
        yield from _folded(polls)
        polls = []
        yield from (Line(seen, printable(seen.words), seen.at_ms) for seen in group)
    yield from _folded(polls)


def _groups(trace: Iterable[Seen]) -> Iterator[list[Seen]]:
    """Each frame to the board with the answers right after it, and everything else alone."""
    group: list[Seen] = []
    asked = False
    for seen in trace:
        if group and not (asked and isinstance(seen, OnWire) and not seen.to_board):
            yield group
            group = []
        if not group:
            asked = isinstance(seen, OnWire) and seen.to_board
        group.append(seen)
    if group:
        yield group


def _folded(polls: Sequence[Sequence[OnWire]]) -> Iterator[Line]:
    if polls:
        first, last = polls[0][0], polls[-1][-1]
        yield Line(first, _told(polls), last.at_ms, polls=len(polls))


def _told(polls: Sequence[Sequence[OnWire]]) -> str:
    answered = any(len(poll) > 1 for poll in polls)
    if len(polls) == 1:
        answer = "as before" if answered else "nothing, as before"
        return printable(f"→ board {polls[0][0].meaning}  ← {answer}")
    first_ms, last_ms = polls[0][0].at_ms, polls[-1][-1].at_ms
    until = f" until {clock(last_ms)}" if last_ms > first_ms else ""
    return f"… {len(polls)} polls{until}, {'answered' if answered else 'unanswered'} as before"


def clock(at_ms: int) -> str:
    """``at_ms`` as h:mm:ss.mmm."""
    seconds, ms = divmod(at_ms, 1_000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"


def span(span_ms: int) -> str:
    """How long that is, as short as can be: 40 ms, 2.5 s, 3 min 20 s, 2 h 5 min, 4 d 3 h."""
    seconds = round(span_ms / 1_000)
    if span_ms < 1_000:
        return f"{span_ms} ms"
    if seconds < 60:
        return f"{span_ms / 1_000:.4g} s"
    for size, unit, less, lesser in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min")):
        if seconds >= size:
            return _two(seconds // less, size // less, unit, lesser)
    return _two(seconds, 60, "min", "s")


def _two(count: int, size: int, unit: str, lesser: str) -> str:
    whole, rest = divmod(count, size)
    return f"{whole} {unit}" + (f" {rest} {lesser}" if rest else "")


def printable(text: str) -> str:
    """``text`` with what no terminal should be sent written out, as in ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def columns(text: str) -> int:
    """How wide ``text`` is in a terminal: a Chinese character takes two columns."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
