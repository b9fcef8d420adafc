"""The switches that a hand can throw on an emulated board: what breaks in halls, one word each."""

from dataclasses import dataclass
from enum import Enum

SLOW_MS = 400
"""How late a slow board answers: just longer than a driver waits."""


class Fault(Enum):
    """What can be wrong with a board. The value is the word for it."""

    SILENT = "silent"
    SLOW = "slow"
    GARBLE = "garble"
    HALF = "half"
    STALE = "stale"
    LOST_ACK = "lost-ack"
    STRANGER = "stranger"
    DEAD = "dead"
    WELDED = "welded"
    STUCK_OPEN = "stuck-open"
    CROSSED = "crossed"

    @property
    def told(self) -> str:
        """What it does, in a few words."""
        return _TOLD[self]

    @property
    def of_channel(self) -> bool:
        """Whether one channel alone can have it."""
        return self in (Fault.WELDED, Fault.STUCK_OPEN)


_TOLD = {
    Fault.SILENT: "does as it is told, and answers nothing",
    Fault.SLOW: f"answers {SLOW_MS} ms late",
    Fault.GARBLE: "answers with bits turned",
    Fault.HALF: "answers the first half only",
    Fault.STALE: "tells its coils as they were when it was last asked",
    Fault.LOST_ACK: "doesn't acknowledge commands; questions are answered",
    Fault.STRANGER: "answers from another bus address",
    Fault.DEAD: "has no power behind its adapter: does and answers nothing",
    Fault.WELDED: "never opens a contact that closed",
    Fault.STUCK_OPEN: "never closes a contact",
    Fault.CROSSED: "has channels 1 and 2 crossed",
}


class UnknownFault(Exception):
    """The text says what there is."""


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch: a fault, on ``channel`` alone, or on all where that is None."""

    fault: Fault
    channel: int | None = None

    def hits(self, channel: int) -> bool:
        return self.channel in (None, channel)

    def __str__(self) -> str:
        return self.fault.value + (f":{self.channel}" if self.channel else "")


def switch(text: str) -> Switch:
    """The switch that is called ``text``, such as ``silent`` or ``welded:2``.

    Raises UnknownFault.
    """
    name, colon, channel = text.partition(":")
    try:
        fault = Fault(name)
    except ValueError:
        names = ", ".join(fault.value for fault in Fault)
        raise UnknownFault(f"no fault is called {name!r}; there are: {names}") from None
    if not colon:
        return Switch(fault)
    if not fault.of_channel:
        raise UnknownFault(f"{name} is of the whole board; allowed: {name}")
    if not channel.isdecimal() or int(channel) < 1:
        raise UnknownFault(f"{channel!r} is not a channel; allowed: {name}:1 and so on")
    return Switch(fault, int(channel))
