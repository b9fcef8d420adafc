"""The keys, and what each does at the desk."""

from collections.abc import Callable
from itertools import chain
from typing import NamedTuple

from sim.desk import Desk, Refused

Hand = Callable[[Desk], None]
"""Does something; called by the thread that owns the session. Raises Refused."""

CROWDS = (0, 30, 60, 120, 300, 600, 1_200, 3_600)
"""Visitors an hour."""


class Key(NamedTuple):
    """One."""

    key: str
    """What textual calls it."""
    cap: str
    """What is written on it."""
    title: str
    hand: Hand


def act(does: str, **how: object) -> Hand:
    """What :meth:`sim.desk.Desk.act` calls ``does``."""
    return lambda desk: desk.act({"do": does, **how})


def deed(words: str) -> Hand:
    """A deed of :mod:`sim.deeds`."""
    return act("deed", deed=words)


def switch(breakage: str) -> Hand:
    """It breaks, or is mended if it is broken."""

    def do(desk: Desk) -> None:
        broken = breakage in desk.look()["broken"]
        deed(f"{'mend' if broken else 'throw'} {breakage}")(desk)

    return do


def end(how: str) -> Hand:
    """The controller ends by the deed ``how``, or is started if none runs."""

    def do(desk: Desk) -> None:
        runs = desk.status is not None
        deed(how if runs else "boot")(desk)
        if not runs and desk.status is None:
            raise Refused("the controller did not start: mend first what is broken")

    return do


def _pause(desk: Desk) -> None:
    act("go" if desk.pace.paused else "pause")(desk)


def _more(desk: Desk) -> None:
    now = desk.look()["per_hour"]
    act("crowd", per_hour=next((each for each in CROWDS if each > now), CROWDS[-1]))(desk)


def _fewer(desk: Desk) -> None:
    now = desk.look()["per_hour"]
    act("crowd", per_hour=next((each for each in reversed(CROWDS) if each < now), 0))(desk)


ROWS = (
    (
        Key("v", "v", "visit", act("visit")),
        Key("u", "u", "cable", switch("unplug")),
        Key("p", "p", "power", end("blackout")),
        Key("k", "k", "kill", end("crash")),
        Key("m", "m", "mend", act("mend")),
        Key("r", "r", "refill", act("refill")),
        Key("plus", "+", "more", _more),
        Key("minus", "-", "fewer", _fewer),
    ),
    (
        Key("space", "space", "pause", _pause),
        Key("s", "s", "step", act("step")),
        Key("b", "b", "back", act("back")),
        Key("1", "1", "×1", act("speed", x=1)),
        Key("2", "2", "×10", act("speed", x=10)),
        Key("3", "3", "×100", act("speed", x=100)),
        Key("0", "0", "fastest", act("speed", x=0)),
    ),
)
"""As they are shown beneath; each row also has a key of the face itself at its end."""

HANDS = {each.key: each.hand for each in chain(*ROWS)}
