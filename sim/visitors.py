"""How people behave at a machine, each kind as the deeds of one who comes at a moment."""

from collections.abc import Callable, Iterator
from random import Random

from sim.deeds import Deed

OTHER = 1_000_000
"""A visitor's friend has the number of the visitor, and so much more."""


class Dice:
    """What is left to chance, at a machine whose button waits for ``dwell_ms``."""

    def __init__(self, random: Random, dwell_ms: int) -> None:
        self.random = random
        self.dwell_ms = dwell_ms

    def between(self, low: int, high: int) -> int:
        """Any of them, both ends included."""
        return low + int(self.random.random() * (high - low + 1))


def patient(dice: Dice, visitor: int, now_ms: int) -> Iterator[Deed]:
    """Scans, reads, taps, and looks how it ended."""
    yield Deed(now_ms, "scan", (visitor,))
    yield Deed(now_ms + dice.between(40, 400), "show", (visitor,))
    tap_ms = now_ms + dice.dwell_ms + dice.between(1, 2_500)
    yield Deed(tap_ms, "tap", (visitor,))
    yield Deed(tap_ms + dice.between(200, 7_000), "look", (visitor,))


def impatient(dice: Dice, visitor: int, now_ms: int) -> Iterator[Deed]:
    """Taps before the button may be used, and again."""
    yield Deed(now_ms, "scan", (visitor,))
    for _ in range(4):
        now_ms += dice.between(100, 1_200)
        yield Deed(now_ms, "tap", (visitor,))


def double_tapper(dice: Dice, visitor: int, now_ms: int) -> Iterator[Deed]:
    """Taps twice, and a little later once more."""
    yield Deed(now_ms, "scan", (visitor,))
    now_ms += dice.dwell_ms + dice.between(0, 300)
    yield Deed(now_ms, "race", (visitor, visitor))
    yield Deed(now_ms + dice.between(1, 1_500), "tap", (visitor,))


def racer(dice: Dice, visitor: int, now_ms: int) -> Iterator[Deed]:
    """Two with one code tap at one moment."""
    other = visitor + OTHER
    yield Deed(now_ms, "scan", (visitor,))
    yield Deed(now_ms + dice.between(0, 500), "forward", (visitor, other))
    yield Deed(now_ms + dice.dwell_ms + dice.between(500, 900), "race", (visitor, other))


def forwarder(dice: Dice, visitor: int, now_ms: int) -> Iterator[Deed]:
    """Takes a drink, and sends a photo of the code to a friend, who tries it at once or later."""
    friend = visitor + OTHER
    yield from patient(dice, visitor, now_ms)
    now_ms += dice.between(100, 30_000)
    yield Deed(now_ms, "forward", (visitor, friend))
    yield Deed(now_ms + dice.dwell_ms + dice.between(0, 500), "tap", (friend,))


def walker(dice: Dice, visitor: int, now_ms: int) -> Iterator[Deed]:
    """Scans, perhaps reads, and walks off."""
    yield Deed(now_ms, "scan", (visitor,))
    if dice.random.random() < 0.5:
        yield Deed(now_ms + 200, "show", (visitor,))


def preview(dice: Dice, visitor: int, now_ms: int) -> Iterator[Deed]:
    """Sends the address to a messenger, which looks at it first."""
    yield Deed(now_ms, "preview", (visitor,))
    yield from patient(dice, visitor, now_ms + dice.between(100, 1_000))


def bot(dice: Dice, visitor: int, now_ms: int) -> Iterator[Deed]:
    """Fetches, runs the scripts, tries made-up marks, and never taps."""
    yield Deed(now_ms, "scan", (visitor,))
    yield Deed(now_ms + 50, "show", (visitor,))
    for _ in range(3):
        now_ms += dice.between(20, 3_000)
        yield Deed(now_ms, "forge", (visitor,))


Visitor = Callable[[Dice, int, int], Iterator[Deed]]

VISITORS: tuple[Visitor, ...] = (
    patient,
    impatient,
    double_tapper,
    racer,
    forwarder,
    walker,
    preview,
    bot,
)
