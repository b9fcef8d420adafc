"""What can happen to the machine: the only things that move it.

An event is a fact from outside (a phone, the relay, the operator, time), with
the numbers that the rules need and nothing that could identify a visitor: a
scan code is known here by its number, a phone's page by an opaque ``visit``.

Times are integers in milliseconds on one monotonic clock that never runs back.
"""

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar


class Outcome(Enum):
    """How far a dispense is known to have gone."""

    COMMANDED = "commanded"
    """Every byte was written; the board said nothing."""
    RELAY_CONFIRMED = "relay_confirmed"
    """The board acknowledged, or read back, ON and then OFF."""
    DROPPED = "dropped"
    """A sensor saw the drink."""
    FAILED = "failed"
    """Known not to have come."""
    UNKNOWN = "unknown"
    """It may have come. Never tried again; a person looks."""


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. ``trigger`` names its rows in the transition table."""

    trigger: ClassVar[str]
    outruns_deadline: ClassVar[bool] = False
    """Whether it is applied before a deadline that has passed: it is that deadline, or tells how
    the running dispense went, which is so however late it is heard of, or lets nothing begin."""


@dataclass(frozen=True, slots=True)
class Scanned(Event):
    """Somebody fetched the warning page of scan code number ``code``."""

    trigger: ClassVar[str] = "scanned"
    code: int


@dataclass(frozen=True, slots=True)
class WarningShown(Event):
    """A phone proved that it rendered the warning of ``code``."""

    trigger: ClassVar[str] = "warning_shown"
    code: int


@dataclass(frozen=True, slots=True)
class Confirmed(Event):
    """A visitor tapped "I understand" on a page of ``code``.

    ``served_ms`` is when that very page was served, ``visit`` the page's mark:
    the core only passes it on, so that the page that won the drink can be told.
    """

    trigger: ClassVar[str] = "confirmed"
    code: int
    served_ms: int
    visit: str


@dataclass(frozen=True, slots=True)
class PulseStarted(Event):
    """The relay was told ON and the write returned."""

    trigger: ClassVar[str] = "pulse_started"
    dispense_id: int


@dataclass(frozen=True, slots=True)
class Released(Event):
    """The relay is OFF again; ``outcome`` is COMMANDED or RELAY_CONFIRMED."""

    trigger: ClassVar[str] = "released"
    outruns_deadline: ClassVar[bool] = True
    dispense_id: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Dropped(Event):
    """The drop sensor saw the drink."""

    trigger: ClassVar[str] = "dropped"
    outruns_deadline: ClassVar[bool] = True
    dispense_id: int


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """The dispense ended badly; ``outcome`` is FAILED or UNKNOWN.

    ``drink_kept`` says that the drink is certainly still in its slot. A part
    that was found lost on the way is named with the detail that the operator
    needs, in ``relay_lost``, ``journal_lost`` or ``sensor_lost``; ``slot_fault`` says
    why this slot can't be trusted any more.
    """

    trigger: ClassVar[str] = "failed"
    outruns_deadline: ClassVar[bool] = True
    dispense_id: int
    outcome: Outcome
    drink_kept: bool = False
    relay_lost: str = ""
    journal_lost: str = ""
    sensor_lost: str = ""
    slot_fault: str = ""


@dataclass(frozen=True, slots=True)
class DeadlinePassed(Event):
    """The time that ``Machine.deadline_ms`` asked for has come."""

    trigger: ClassVar[str] = "deadline"
    outruns_deadline: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class RelayLost(Event):
    """The relay board can't be reached; ``detail`` says how that showed."""

    trigger: ClassVar[str] = "relay_lost"
    detail: str


@dataclass(frozen=True, slots=True)
class RelayBack(Event):
    """The relay board is open, and every channel was told OFF."""

    trigger: ClassVar[str] = "relay_back"


@dataclass(frozen=True, slots=True)
class JournalLost(Event):
    """The journal can't be written; ``detail`` says why."""

    trigger: ClassVar[str] = "journal_lost"
    detail: str


@dataclass(frozen=True, slots=True)
class JournalBack(Event):
    """The journal takes writes again."""

    trigger: ClassVar[str] = "journal_back"


@dataclass(frozen=True, slots=True)
class SensorLost(Event):
    """The drop sensor is gone, not looked at, or something lies in its beam.

    ``detail`` says which. A drink that was not seen may have fallen all the same.
    """

    trigger: ClassVar[str] = "sensor_lost"
    outruns_deadline: ClassVar[bool] = True
    detail: str


@dataclass(frozen=True, slots=True)
class SensorBack(Event):
    """The drop sensor is there, and nothing in its beam."""

    trigger: ClassVar[str] = "sensor_back"


@dataclass(frozen=True, slots=True)
class OperatorStop(Event):
    """A person, or the end of the process, takes the machine out of service."""

    trigger: ClassVar[str] = "operator_stop"
    outruns_deadline: ClassVar[bool] = True
    detail: str


@dataclass(frozen=True, slots=True)
class OperatorResume(Event):
    """The person puts it back into service."""

    trigger: ClassVar[str] = "operator_resume"


@dataclass(frozen=True, slots=True)
class StockChanged(Event):
    """What the journal now holds: drinks left per slot, in the slots' order,
    and how many dispenses have an unknown outcome that nobody has reconciled.

    ``loaded``: the indices of the slots that a person has filled, and so looked at.
    """

    trigger: ClassVar[str] = "stock_changed"
    remaining: tuple[int, ...]
    unknown: int
    loaded: tuple[int, ...] = ()


EVENTS: tuple[type[Event], ...] = (
    Scanned,
    WarningShown,
    Confirmed,
    PulseStarted,
    Released,
    Dropped,
    Failed,
    DeadlinePassed,
    RelayLost,
    RelayBack,
    JournalLost,
    JournalBack,
    SensorLost,
    SensorBack,
    OperatorStop,
    OperatorResume,
    StockChanged,
)
