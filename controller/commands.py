"""What the machine asks for: data that the runner carries out, in order."""

from dataclasses import dataclass
from enum import Enum

from controller.events import Outcome


class Refusal(Enum):
    """Why an event changed nothing."""

    NOT_NOW = "not_now"
    """This state has no row for the event."""
    STALE_CODE = "stale_code"
    """The event belongs to another code than the current one."""
    TOO_EARLY = "too_early"
    """The dwell of the page that was tapped has not passed."""
    OTHER_DISPENSE = "other_dispense"
    """The event belongs to another dispense than the running one."""


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do."""


@dataclass(frozen=True, slots=True)
class NewCode(Command):
    """Mint a fresh token for code number ``code``; every earlier one is dead."""

    code: int


@dataclass(frozen=True, slots=True)
class Dispense(Command):
    """Make the intent durable, then energise ``channel``.

    Answered with PulseStarted or Failed. ``pulse_ms`` is for boards that time
    the pulse themselves; on the others EndPulse follows at the deadline, which
    was set before this command was given. ``retry_of`` is the dispense from which
    no drink fell, if this is the other slot's try for the same visitor; else 0.
    """

    dispense_id: int
    code: int
    visit: str
    slot: str
    channel: int
    pulse_ms: int
    retry_of: int = 0


@dataclass(frozen=True, slots=True)
class EndPulse(Command):
    """De-energise ``channel``. Answered with Released or Failed."""

    dispense_id: int
    channel: int


@dataclass(frozen=True, slots=True)
class Settle(Command):
    """Write how the dispense ended, and tell the visitor, unless another slot is tried next.

    ``drink_kept``: the drink is still in its slot, so the stock gets it back.
    """

    dispense_id: int
    outcome: Outcome
    drink_kept: bool = False


@dataclass(frozen=True, slots=True)
class AllOff(Command):
    """De-energise every channel."""


@dataclass(frozen=True, slots=True)
class Refuse(Command):
    """The event was refused, and nothing has changed."""

    why: Refusal
