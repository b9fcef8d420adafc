"""What an onlooker sees of a machine: the visitors, the wire, the relays, the journal from outside.

The safety properties judge these and nothing else, so that they hold of the
machine as it is seen, not as it thinks of itself.
"""

from dataclasses import dataclass

from controller.journal import Book
from controller.machine import Reason
from controller.table import State


@dataclass(frozen=True, slots=True)
class Seen:
    """Something seen at ``at_ms``."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Booted(Seen):
    """A controller began to run."""


@dataclass(frozen=True, slots=True)
class Died(Seen):
    """The controller is gone: killed, stopped, or without power."""


@dataclass(frozen=True, slots=True)
class Attached(Seen):
    """The controller opened the relay's port."""


@dataclass(frozen=True, slots=True)
class Weather(Seen):
    """Whether every part outside the controller is well: cable in, journal writable."""

    fair: bool


@dataclass(frozen=True, slots=True)
class Served(Seen):
    """A visitor's phone received the warning with the page mark ``mark``."""

    token: str
    mark: str


@dataclass(frozen=True, slots=True)
class Shown(Seen):
    """The phone rendered that page."""

    token: str
    mark: str


@dataclass(frozen=True, slots=True)
class Tapped(Seen):
    """The visitor tapped its button."""

    token: str
    mark: str


@dataclass(frozen=True, slots=True)
class Intent:
    """An open dispense, as another process reads it from the journal on disk."""

    dispense_id: int
    slot: str
    token_digest: str
    retry_of: int | None
    """The dispense that this one is the second try of; its token is that one's."""


@dataclass(frozen=True, slots=True)
class RelaySwitched(Seen):
    """A relay was told ON or OFF, or fell with the power.

    ``intents`` are those that were durable at that moment.
    """

    channel: int
    on: bool
    commanded: bool
    intents: tuple[Intent, ...]


@dataclass(frozen=True, slots=True)
class Fell(Seen):
    """A drink came out, from the slot on ``channel``."""

    channel: int


@dataclass(frozen=True, slots=True)
class StateSeen(Seen):
    """The machine's published state."""

    state: State
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class BooksSeen(Seen):
    """The journal's sums beside what its dispenses add up to, read by another process."""

    books: tuple[Book, ...]
    counted: tuple[Book, ...]
    open: int
