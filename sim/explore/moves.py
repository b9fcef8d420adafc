"""What can happen next in a situation: to the runner, to the parts, and by whose hand.

The order is the runner's: its results go first, then what the sensor saw, then a deadline, then
its rounds. Visitors, crashes and time ask nobody.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from controller.events import (
    Confirmed,
    DeadlinePassed,
    Dropped,
    Event,
    JournalBack,
    JournalLost,
    OperatorResume,
    OperatorStop,
    RelayBack,
    RelayLost,
    Scanned,
    SensorBack,
    SensorLost,
    StockChanged,
    WarningShown,
)
from controller.memory import Phase
from controller.table import State
from sim.explore.alphabet import Alphabet
from sim.explore.answers import Answers, with_item
from sim.explore.around import Around, Page, Relay
from sim.explore.mind import CODE, NOW_MS, Mind
from sim.explore.turn import LOST, Entry, Turn
from sim.trace import Attached, Fell, Served, Shown, Tapped

LONG_AGO_MS = NOW_MS - 500


class Move(NamedTuple):
    """Something happens: ``turn`` outside, and ``event`` to the core, if any."""

    turn: Turn
    event: Event | None = None
    passed_ms: int = 0


class Moves:
    """What can happen to one machine."""

    def __init__(self, alphabet: Alphabet, answers: Answers) -> None:
        self._alphabet = alphabet
        self._answers = answers
        self._senses = alphabet.rules.senses_drop

    def of(self, mind: Mind, around: Around) -> Iterator[Move]:
        """Everything that can happen while a controller runs."""
        start = Turn(around)
        for crashed in start.crashes():
            yield Move(crashed)
        yield from self.of_the_board(around)
        yield from self._in_the_chute(mind, start)
        waits = bool(around.owed) or around.news is not None
        # Then it is tried to open at once.
        unheard = around.relay is not Relay.WELL and not mind.memory.relay_fault
        late = waits or mind.due or unheard
        if not (late and around.late):
            yield Move(start.but("a moment passes", late=late), passed_ms=1)
        if around.late:
            start = start.but(late=False)
        if around.owed:
            yield Move(start.but(owed=around.owed[1:]), around.owed[0] or _stock(around))
        elif around.news is not None:
            yield Move(start.but(news=None), around.news)
        elif unheard and not mind.due:
            yield from self._look_after_relay(start)
        else:
            yield from self._deadline(mind, start) if mind.due else self._rounds(mind, start)
            yield from self._by_the_operator(mind, start)
            yield from self._by_visitors(mind, start)

    def of_the_board(self, around: Around) -> Iterator[Move]:
        """What a relay board does by itself."""
        if around.coil:
            ended = Turn(around).off(around.coil, commanded=False)
            yield Move(ended.but("the board itself ends the pulse"))

    # -- the runner -----------------------------------------------------------------

    def _deadline(self, mind: Mind, start: Turn) -> Iterator[Move]:
        yield Move(start, DeadlinePassed())
        run = mind.memory.run
        if run is not None and run.phase is Phase.FALLING:
            yield Move(start.but("nobody looked at the beam", sensor_well=False), SensorLost(LOST))

    def _rounds(self, mind: Mind, start: Turn) -> Iterator[Move]:
        yield from self._look_after_relay(start)
        yield Move(start.but(journal_well=False), JournalLost(LOST))
        if start.around.journal_well:
            yield from self._at_the_stock(mind, start)
        else:
            mended = start.but(journal_well=True, unsettled=())
            for settle in start.around.unsettled:
                mended = self._answers.settled(settle, mended)
            yield Move(mended.owing(None), JournalBack())
        looks = start.around.relay is Relay.WELL and mind.state is not State.DISPENSING
        if self._senses and looks:
            yield Move(start.but(sensor_well=False), SensorLost(LOST))
            if not start.around.sensor_well:
                yield Move(start.but(sensor_well=True), SensorBack())

    def _look_after_relay(self, start: Turn) -> Iterator[Move]:
        if start.around.relay is not Relay.WELL:
            back = start.but("", Attached(NOW_MS), relay=Relay.WELL)
            yield Move(self._answers.told_off(back), RelayBack())
        yield Move(start.without_relay(), RelayLost(LOST))

    # -- the parts --------------------------------------------------------------------

    def _in_the_chute(self, mind: Mind, start: Turn) -> Iterator[Move]:
        """A drink on its way, and whoever looks at it. A sensor that is well misses none."""
        around, run = start.around, mind.memory.run
        if not (self._senses and around.sensor_well and around.relay is Relay.WELL):
            return
        if around.news is not None or run is None or run.dropped:
            return
        if run.dispense_id not in [each.dispense_id for each in around.open]:
            return
        seen = Dropped(run.dispense_id)
        yield Move(start.but("the sensor sees what is no drink", news=seen))
        yield Move(start.but("the sensor fails", news=SensorLost(LOST), sensor_well=False))
        if around.coil or run.phase is not Phase.ASKED:
            fell = Fell(NOW_MS, mind.memory.slots[run.slot].channel)
            yield Move(start.but("a drink falls, and is seen", fell, news=seen))

    # -- people -------------------------------------------------------------------------

    def _at_the_stock(self, mind: Mind, start: Turn) -> Iterator[Move]:
        """The operator's ``quench stock`` and ``quench journal``: what a look finds changed."""
        slots = range(len(self._alphabet.slots))
        for fillings in product(*[self._fillings(mind, start.around, slot) for slot in slots]):
            turn, loaded = start, []
            for slot, drinks in enumerate(fillings):
                if drinks is not None:
                    turn = self._answers.loaded(turn, slot, drinks)
                    turn = turn.but(f"{self._alphabet.slots[slot]} is said to hold {drinks}")
                    loaded.append(slot)
            if not loaded:
                turn = turn.but("somebody wrote to the journal")
            yield Move(turn, _stock(turn.around, *loaded))
            if start.around.unknown:
                yield _reconciled(turn, 0, "dispensed", *loaded)
        if start.around.unknown:
            yield _reconciled(start, 0, "failed")
            for slot in slots:
                if self._room(start.around, slot):
                    left = start.around.stock[slot]
                    stock = with_item(start.around.stock, slot, left + 1)
                    yield _reconciled(start.but(stock=stock), slot, "remaining")

    def _fillings(self, mind: Mind, around: Around, slot: int) -> list[int | None]:
        """What a person may say that ``slot`` holds, if it makes a difference; None is nothing."""
        left = around.stock[slot]
        doubted = not mind.memory.slots[slot].healthy
        most = left + self._room(around, slot)
        return [None, *(drinks for drinks in range(most + 1) if drinks != left or doubted)]

    def _room(self, around: Around, slot: int) -> int:
        """How many more ``slot`` could hold; a drink that is on its way is still in it."""
        reserved = sum(each.slot == slot for each in around.open)
        return self._alphabet.holds[slot] - around.stock[slot] - reserved

    def _by_the_operator(self, mind: Mind, start: Turn) -> Iterator[Move]:
        yield Move(start, OperatorStop("stop"))
        if mind.state is State.OUT_OF_SERVICE:
            yield Move(start, OperatorResume())

    def _by_visitors(self, mind: Mind, start: Turn) -> Iterator[Move]:
        if not mind.door_is_open:
            return
        around, token = start.around, str(CODE)
        pages = around.pages
        if len(pages) < self._alphabet.visitors:
            served = Served(NOW_MS, token, "new")
            fetched = (*pages, Page("new", NOW_MS))
            yield Move(start.but("a phone fetches the page", served, pages=fetched))
        if pages or around.spent == CODE:
            yield Move(start, Scanned(CODE))
            yield Move(start, WarningShown(CODE))
        if around.spent == CODE:
            yield Move(start, Confirmed(CODE, LONG_AGO_MS, around.winner))
        for page in dict.fromkeys(pages):
            tapped = (Shown(NOW_MS, token, page.mark), Tapped(NOW_MS, token, page.mark))
            others = [each for each in pages if each is not page]
            turn = start.but("", *tapped, pages=(*others, page._replace(tapped=True)))
            yield Move(turn, Confirmed(CODE, page.served_ms, page.mark))


def _stock(around: Around, *loaded: int) -> StockChanged:
    return StockChanged(around.stock, around.unknown, loaded)


def _reconciled(start: Turn, slot: int, found: str, *loaded: int) -> Move:
    """The operator has found out what became of the drink of unknown outcome."""
    turn = start.but(f"the unknown drink is found {found}", unknown=start.around.unknown - 1)
    turn = turn.entering(Entry(slot, "unknown", found, found))
    return Move(turn, _stock(turn.around, *loaded))
