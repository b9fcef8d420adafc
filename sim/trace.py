"""What an onlooker sees of a machine: the visitors, the wire, the relays, the journal from outside.

The safety properties judge these and nothing else, so that they hold of the
machine as it is seen, not as it thinks of itself.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from enum import Enum
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

from controller.machine import Reason
from controller.table import State

Sums = tuple[str, int, int, int, int, int]
"""One slot's, as in :class:`controller.journal.Book`, and quicker made than that."""


class Lane(Enum):
    """Where in the machine something was seen."""

    VISITOR = "visitor"
    MACHINE = "machine"
    COIL = "relay coil"
    WIRE = "wire"
    SENSOR = "drop sensor"
    JOURNAL = "journal"
    FAULT = "what is wrong"


@dataclass(slots=True, unsafe_hash=True)
class Seen:
    """Something seen at ``at_ms``. Nobody changes it; not frozen, since that doubles its cost."""

    lane: ClassVar[Lane]
    at_ms: int

    @property
    def words(self) -> str:
        """What was seen, for a person to read."""
        raise NotImplementedError


@dataclass(slots=True, unsafe_hash=True)
class Booted(Seen):
    """A controller began to run."""

    lane: ClassVar[Lane] = Lane.MACHINE

    @property
    def words(self) -> str:
        return "the controller starts"


@dataclass(slots=True, unsafe_hash=True)
class Died(Seen):
    """The controller is gone: killed, stopped, or without power."""

    lane: ClassVar[Lane] = Lane.MACHINE
    how: str = "killed"

    @property
    def words(self) -> str:
        return f"the controller is gone: {self.how}"


@dataclass(slots=True, unsafe_hash=True)
class Attached(Seen):
    """The controller opened the relay's port."""

    lane: ClassVar[Lane] = Lane.WIRE

    @property
    def words(self) -> str:
        return "port opened"


@dataclass(slots=True, unsafe_hash=True)
class Weather(Seen):
    """What is wrong outside the controller, in words of one or two: cable out, disk full."""

    lane: ClassVar[Lane] = Lane.FAULT
    fair: bool
    """Whether every part is well enough for the machine to come back."""
    wrong: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return ", ".join(self.wrong) or "every part is well"


@dataclass(slots=True, unsafe_hash=True)
class Stalled(Seen):
    """The computer does not come to the loop until ``until_ms``."""

    lane: ClassVar[Lane] = Lane.FAULT
    until_ms: int

    @property
    def words(self) -> str:
        return f"the loop is stalled for {self.until_ms - self.at_ms} ms"


@dataclass(slots=True, unsafe_hash=True)
class Happened(Seen):
    """Something went wrong, and was over at once."""

    lane: ClassVar[Lane] = Lane.FAULT
    what: str

    @property
    def words(self) -> str:
        return self.what


@dataclass(slots=True, unsafe_hash=True)
class Served(Seen):
    """A visitor's phone received the warning with the page mark ``mark``."""

    lane: ClassVar[Lane] = Lane.VISITOR
    token: str
    mark: str
    visitor: int = 0

    @property
    def words(self) -> str:
        return f"{self.visitor}: reads the warning, with a button"


@dataclass(slots=True, unsafe_hash=True)
class Answered(Seen):
    """It received the warning with something else beneath, one of ``controller.door.Word``."""

    lane: ClassVar[Lane] = Lane.VISITOR
    word: str
    visitor: int = 0

    @property
    def words(self) -> str:
        return f"{self.visitor}: reads the warning, and is told: {self.word}"


@dataclass(slots=True, unsafe_hash=True)
class Shown(Seen):
    """The phone rendered that page."""

    lane: ClassVar[Lane] = Lane.VISITOR
    token: str
    mark: str
    visitor: int = 0

    @property
    def words(self) -> str:
        return f"{self.visitor}: the phone shows it"


@dataclass(slots=True, unsafe_hash=True)
class Tapped(Seen):
    """The visitor tapped its button."""

    lane: ClassVar[Lane] = Lane.VISITOR
    token: str
    mark: str
    visitor: int = 0

    @property
    def words(self) -> str:
        return f"{self.visitor}: taps"


class Intent(NamedTuple):
    """An open dispense, as another process reads it from the journal on disk."""

    dispense_id: int
    slot: str
    token_digest: str
    retry_of: int | None
    """The dispense that this one is the second try of; its token is that one's."""


@dataclass(slots=True, unsafe_hash=True)
class RelaySwitched(Seen):
    """A relay was told ON or OFF, or fell with the power; ``channel`` is the one that was told.

    ``intents`` are those that were durable at that moment.
    """

    lane: ClassVar[Lane] = Lane.COIL
    channel: int
    on: bool
    commanded: bool
    intents: tuple[Intent, ...]
    obeyed: bool = True
    """Whether its contact did as it was told; one that is welded or stuck does not."""

    @property
    def closed(self) -> bool:
        """What the contact is afterwards."""
        return self.on is self.obeyed

    @property
    def words(self) -> str:
        if not self.commanded:
            return f"channel {self.channel} falls with the power"
        told = f"channel {self.channel} {'ON' if self.on else 'OFF'}"
        return told if self.obeyed else f"{told}, and stays {'closed' if self.closed else 'open'}"


@dataclass(slots=True, unsafe_hash=True)
class OnWire(Seen):
    """One frame, decoded."""

    lane: ClassVar[Lane] = Lane.WIRE
    to_board: bool
    data: bytes
    meaning: str

    @property
    def words(self) -> str:
        way = "→ board" if self.to_board else "← board"
        return f"{way} {self.data.hex(' ').upper()}  {self.meaning}"


@dataclass(slots=True, unsafe_hash=True)
class BeamSeen(Seen):
    """The drop sensor's beam was broken, or is free again."""

    lane: ClassVar[Lane] = Lane.SENSOR
    broken: bool

    @property
    def words(self) -> str:
        return "the beam is broken" if self.broken else "the beam is free"


@dataclass(slots=True, unsafe_hash=True)
class Fell(Seen):
    """A drink came out, from the slot on ``channel``."""

    lane: ClassVar[Lane] = Lane.SENSOR
    channel: int
    unseen: bool = False
    """The drop sensor was blind: no controller could know."""

    @property
    def words(self) -> str:
        unseen = ", and nobody could see it" if self.unseen else ""
        return f"a drink fell from channel {self.channel}{unseen}"


@dataclass(slots=True, unsafe_hash=True)
class StateSeen(Seen):
    """The machine's published state."""

    lane: ClassVar[Lane] = Lane.MACHINE
    state: State
    reason: Reason | None

    @property
    def words(self) -> str:
        reason = f" ({self.reason.value})" if self.reason else ""
        return f"{self.state.value}{reason}"


@dataclass(slots=True, unsafe_hash=True)
class Entered(Seen):
    """A dispense as the journal on disk now has it, and what is left in its slot."""

    lane: ClassVar[Lane] = Lane.JOURNAL
    dispense_id: int
    slot: str
    outcome: str
    drink_kept: bool
    found: str | None
    remaining: int

    @property
    def words(self) -> str:
        kept = ", drink kept" if self.drink_kept else ""
        found = f", found {self.found}" if self.found else ""
        return (
            f"dispense {self.dispense_id}: {self.outcome}{kept}{found};"
            f" {self.slot} {self.remaining} left"
        )


@dataclass(slots=True, unsafe_hash=True)
class Loaded(Seen):
    """The operator filled a slot."""

    lane: ClassVar[Lane] = Lane.JOURNAL
    slot: str
    drinks: int

    @property
    def words(self) -> str:
        return f"{self.slot} is loaded with {self.drinks}"


@dataclass(slots=True, unsafe_hash=True)
class BooksSeen(Seen):
    """The journal's sums beside what its dispenses add up to, read by another process."""

    lane: ClassVar[Lane] = Lane.JOURNAL
    books: tuple[Sums, ...]
    counted: tuple[Sums, ...]
    open: int

    @property
    def words(self) -> str:
        return f"the books, with {self.open} open"


def digest(trace: Iterable[Seen]) -> str:
    """SHA-256 over all of it, hex: the same run has the same, on any computer."""
    sha = hashlib.sha256()
    for seen in trace:
        sha.update(f"{type(seen).__name__}{_values(type(seen))(seen)}\n".encode())
    return sha.hexdigest()


_getters: dict[type[Seen], Callable[[Seen], tuple[Any, ...]]] = {}


def _values(kind: type[Seen]) -> Callable[[Seen], tuple[Any, ...]]:
    if kind not in _getters:
        _getters[kind] = attrgetter("at_ms", "lane", *(field.name for field in fields(kind)[1:]))
    return _getters[kind]
