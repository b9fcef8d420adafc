"""A violation as a person reads it: which property, what that means, and where in the trace."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sim.reading import Line

MEANING = {
    "S1": "No relay is energised before the warning of that session was served, was shown,"
    " and the dwell has passed.",
    "S2": "A token leads to at most one pulse, whatever is retried, replayed, raced, crashed"
    " or restarted.",
    "S3": "A relay is energised only while dispensing, and for no longer than its pulse;"
    " every start, stop, fault and reconnect begins with OFF.",
    "S4": "The intent is durable before the first byte that energises; one that a crash leaves"
    " open is never fired again.",
    "S5": "For each slot, loaded = dispensed + remaining + failed + unknown, after every crash.",
    "S6": "No address, user agent, cookie or token of a visitor is ever on disk, in a log or"
    " in a metric.",
    "S7": "From any state, with the faults gone, the machine is idle or out of service within"
    " the longest configured timeout.",
    "S8": "Whoever scans sees the warning within a second, also when the machine is busy,"
    " sold out or broken.",
    "the": "The controller must never end by an error of its own.",
}
"""By the first word of each property's name."""

_TEXT = re.compile(
    r"(?P<name>[^:]+): at (?P<at_ms>\d+) ms: (?P<what>.*?)( \((?P<seen>\w+\(at_ms=.*\))\))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a :class:`sim.properties.Violation` says, in its parts."""

    name: str
    """The property's."""
    meaning: str
    what: str
    """What is wrong."""
    at_ms: int | None = None
    seen: str = ""
    """The ``repr`` of what was seen at that moment, if it was that which is wrong."""

    def place(self, lines: Sequence[Line]) -> int:
        """How many of ``lines`` led to it: the last of them is what was seen."""
        if self.at_ms is None:
            return len(lines)
        end = 0
        for index, line in enumerate(lines, start=1):
            if line.at_ms <= self.at_ms:
                end = index
            if self.seen and line.at_ms == self.at_ms and repr(line.seen) == self.seen:
                break
        return end


def verdict(violation: str) -> Verdict | None:
    """What the text of a violation says; None if it is empty."""
    if not violation:
        return None
    parts = _TEXT.fullmatch(violation)
    if parts is None:
        return Verdict("A property is violated", "", violation)
    name = parts["name"]
    return Verdict(
        name,
        MEANING.get(name.split()[0], ""),
        parts["what"],
        int(parts["at_ms"]),
        parts["seen"] or "",
    )
