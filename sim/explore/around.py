"""What is around the core, as a value: the board, the journal on disk, the sensor, the visitors,
and what the runner still owes the core."""

from enum import Enum
from typing import NamedTuple

from controller.commands import Settle
from controller.events import Event


class Relay(Enum):
    """The relay board as the runner has it."""

    UNOPENED = "unopened"
    WELL = "well"
    LOST = "lost"


class Known(Enum):
    """What the runner has told of a dispense: whatever the core makes of it, this is so."""

    NOTHING = "nothing"
    KEPT = "kept"
    RELEASED = "released"
    SEEN = "seen"
    UNSEEN = "unseen"


class Open(NamedTuple):
    """A dispense whose intent is on disk, and its end is not."""

    dispense_id: int
    slot: int
    """Its index."""
    token: str
    retry_of: int
    known: Known = Known.NOTHING


class Page(NamedTuple):
    """The warning of the current code on a phone."""

    mark: str
    served_ms: int
    tapped: bool = False


class Around(NamedTuple):
    """All but the core."""

    alive: bool = False
    """Whether a controller runs."""
    relay: Relay = Relay.UNOPENED
    journal_well: bool = True
    sensor_well: bool = True
    coil: int = 0
    """The channel that is energised; 0 if none is."""
    stock: tuple[int, ...] = ()
    """What the journal says is left in each slot."""
    unknown: int = 0
    """Its dispenses of unknown outcome that nobody has reconciled."""
    open: tuple[Open, ...] = ()
    unsettled: tuple[Settle, ...] = ()
    """What waits for the journal to be writable again."""
    owed: tuple[Event | None, ...] = ()
    """The runner's results, which go before all else; None is a look at the stock."""
    news: Event | None = None
    """What the sensor saw and the loop has not taken yet."""
    late: bool = False
    """Whether a moment has passed while something was due."""
    pages: tuple[Page, ...] = ()
    spent: int = 0
    """The number of the last code that asked for a drink; 0 if its pages can't matter any more."""
    winner: str = ""
    """The mark of the page that asked."""

    @property
    def fair(self) -> bool:
        """Whether every part is well, and the runner has it."""
        return self.relay is Relay.WELL and self.journal_well and self.sensor_well
