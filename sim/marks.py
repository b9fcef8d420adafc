"""What stands on a timeline for a thing that was seen: a kind of mark, and the fewest words."""

from typing import NamedTuple

from sim.reading import Line
from sim.trace import (
    Answered,
    Attached,
    Entered,
    Fell,
    Happened,
    Lane,
    Loaded,
    OnWire,
    Seen,
    Served,
    Shown,
    Tapped,
)


class Sign(NamedTuple):
    """A kind of mark, and the words beside it: ``brief`` where there is no room for ``words``."""

    kind: str
    words: str = ""
    brief: str = ""


EDGE = Sign("edge")
"""Of what begins or ends a bar, which has the words."""
_POLL = Sign("polls")


def sign(line: Line) -> Sign:
    """What stands for ``line``."""
    if line.polls:
        return Sign("polls", f"{line.polls} polls", str(line.polls)) if line.polls > 1 else _POLL
    match line.seen.lane:
        case Lane.VISITOR:
            return _of_visitor(line.seen)
        case Lane.WIRE:
            return _of_wire(line.seen)
        case Lane.JOURNAL:
            return _of_journal(line.seen)
    return _of_other(line.seen)


def _of_visitor(seen: Seen) -> Sign:
    match seen:
        case Served(visitor=visitor):
            return Sign("ring", f"{visitor} reads", str(visitor))
        case Answered(visitor=visitor, word=word):
            return Sign("ring", f"{visitor} is told: {word.replace('_', ' ')}", str(visitor))
        case Shown(visitor=visitor):
            return Sign("dot", f"{visitor} sees it", str(visitor))
        case Tapped(visitor=visitor):
            return Sign("disc", f"{visitor} taps", str(visitor))
    return Sign("dot")


def _of_wire(seen: Seen) -> Sign:
    match seen:
        case Attached():
            return Sign("ring", "port opened")
        case OnWire(to_board=True, meaning=meaning):
            return Sign("down", meaning)
        case OnWire():
            return Sign("up")
    return Sign("dot")


def _of_journal(seen: Seen) -> Sign:
    match seen:
        case Entered(dispense_id=number, outcome=outcome, found=found):
            words = f"{number} found {found}" if found else f"{number} {outcome}"
            return Sign("square", words.replace("_", " "), str(number))
        case Loaded(slot=slot, drinks=drinks):
            return Sign("square", f"{slot}: {drinks}")
    return Sign("dot")


def _of_other(seen: Seen) -> Sign:
    match seen:
        case Fell():
            return Sign("disc", "a drink")
        case Happened(what=what):
            return Sign("square", what)
    return EDGE
