"""What can follow when the runner carries out a command: each answer, each failure, each crash.

Written after ``controller.runner``, but with less mercy: nothing here refuses a token that was
spent, or a number that was given before, so that the core alone must not ask for it.
"""

from collections.abc import Iterator, Sequence

from controller.codes import digest
from controller.commands import AllOff, Command, Dispense, EndPulse, NewCode, Settle
from controller.events import JournalLost, Outcome, PulseStarted, RelayLost, Released
from sim.explore.alphabet import Alphabet
from sim.explore.around import Around, Open, Relay
from sim.explore.books import ENDS_IN, column
from sim.explore.mind import NOW_MS
from sim.explore.turn import LOST, Entry, Turn
from sim.trace import Intent, RelaySwitched, Seen


class Answers:
    """What may follow in one machine."""

    def __init__(self, alphabet: Alphabet) -> None:
        self._slots = alphabet.slots
        self._channels = alphabet.channels
        self._senses = alphabet.rules.senses_drop
        self._digests: dict[str, str] = {}

    def carry_out(self, commands: Sequence[Command], start: Turn) -> list[Turn]:
        """Every way in which ``commands`` go; before each but the first there may be a crash."""
        turns = [start]
        for position, command in enumerate(commands):
            following = []
            for turn in turns:
                if not turn.around.alive:
                    following.append(turn)
                    continue
                if position:
                    following += turn.crashes()
                following += self._one(command, turn)
            turns = following
        return turns

    def _one(self, command: Command, turn: Turn) -> Iterator[Turn]:
        match command:
            case Dispense():
                yield from self._dispense(command, turn)
            case EndPulse():
                yield from self._end_pulse(command, turn)
            case Settle():
                yield from self._settle(command, turn)
            case AllOff():
                yield from self._all_off(turn)
            case NewCode():
                spent = max(0, turn.around.spent - 1)
                yield turn.but(pages=(), spent=spent, winner=turn.around.winner if spent else "")
            case _:
                yield turn

    # -- on ---------------------------------------------------------------------------

    def _dispense(self, command: Dispense, turn: Turn) -> Iterator[Turn]:
        number = command.dispense_id
        if not command.retry_of:
            turn = turn.but(spent=command.code, winner=command.visit, pages=())
        if turn.around.relay is not Relay.WELL:
            yield turn.kept(number, relay_lost=LOST)
            return
        yield turn.without_relay("the relay is gone").kept(number, relay_lost=LOST)
        if self._senses:
            blind = turn.but("the beam is blocked", sensor_well=False)
            yield blind.kept(number, sensor_lost=LOST)
        lost = turn.but("the intent can't be written", journal_well=False)
        yield lost.kept(number, journal_lost=LOST)
        # The journal refuses a second try as long as the first is not settled.
        first_is_open = command.retry_of in [each.dispense_id for each in turn.around.open]
        if turn.around.journal_well and not first_is_open:
            yield from self._intend(command, turn)

    def _intend(self, command: Dispense, turn: Turn) -> Iterator[Turn]:
        number, slot, around = command.dispense_id, self._slots.index(command.slot), turn.around
        if not around.stock[slot]:
            yield turn.but("the journal has no drink there").kept(number).owing(None)
            return
        emptied = self.loaded(turn, slot, 0).but("somebody has just emptied the slot")
        yield emptied.kept(number).owing(None)
        turn = turn.but(
            stock=with_item(around.stock, slot, around.stock[slot] - 1),
            open=(*around.open, Open(number, slot, str(command.code), command.retry_of)),
        ).entering(Entry(slot, "remaining", "unknown", "unknown"))
        yield turn.but("the intent is written, and it looks as if not", journal_well=False).kept(
            number, journal_lost=LOST
        )
        yield from turn.but("the intent is written").crashes()
        yield from self._energise(command, turn)

    def _energise(self, command: Dispense, turn: Turn) -> Iterator[Turn]:
        number = command.dispense_id
        refused = turn.but("the board refuses ON").kept(number, slot_fault="refused")
        yield from self._all_off(refused)
        wrong = turn.but("the board closes another coil").unclear(number, slot_fault="wrong")
        yield from self._all_off(wrong)
        yield turn.without_relay("ON can't be sent").kept(number, relay_lost=LOST)
        yield turn.without_relay("ON gets lost").unclear(number, relay_lost=LOST)
        on = turn.but("", self._on(command.channel, turn.around), coil=command.channel)
        yield on.without_relay("ON, and no answer").unclear(number, relay_lost=LOST)
        yield on.but("ON").owing(PulseStarted(number))

    def _on(self, channel: int, around: Around) -> Seen:
        """The relay is energised; an onlooker reads the journal at that moment."""
        intents = [
            Intent(
                each.dispense_id,
                self._slots[each.slot],
                self._digest(each.token),
                each.retry_of or None,
            )
            for each in around.open
        ]
        return RelaySwitched(NOW_MS, channel, True, True, tuple(intents))

    def _digest(self, token: str) -> str:
        return self._digests.setdefault(token, digest(token))

    # -- off --------------------------------------------------------------------------

    def _end_pulse(self, command: EndPulse, turn: Turn) -> Iterator[Turn]:
        number, channel = command.dispense_id, command.channel
        if turn.around.relay is not Relay.WELL:
            yield turn.unclear(number, relay_lost=LOST)
            return
        yield turn.without_relay("OFF gets lost").unclear(number, relay_lost=LOST)
        off = turn.off(channel)
        if turn.around.coil:
            yield off.without_relay("OFF, and no answer").unclear(number, relay_lost=LOST)
        yield off.but("OFF").owing(Released(number, Outcome.COMMANDED))
        yield off.but("OFF, confirmed").owing(Released(number, Outcome.RELAY_CONFIRMED))
        # The runner always answers; that the core has a deadline for it is tried all the same.
        yield off.but("OFF, and the core hears nothing of it")

    def _all_off(self, turn: Turn) -> Iterator[Turn]:
        if turn.around.relay is not Relay.WELL:
            yield turn
            return
        yield self.told_off(turn)
        yield turn.without_relay("all off gets lost").owing(RelayLost(LOST))

    def told_off(self, turn: Turn) -> Turn:
        """Every channel is told OFF, and is."""
        return turn.off(*self._channels)

    # -- the journal --------------------------------------------------------------------

    def _settle(self, command: Settle, turn: Turn) -> Iterator[Turn]:
        turn = turn.but(news=None)
        unsettled = (*turn.around.unsettled, command)
        lost = turn.but("the outcome can't be written", journal_well=False, unsettled=unsettled)
        yield lost.owing(JournalLost(LOST))
        if turn.around.journal_well:
            written = self.settled(command, turn)
            yield written
            lost = written.but("the outcome is written, and it looks as if not", journal_well=False)
            yield lost.owing(JournalLost(LOST))

    def settled(self, command: Settle, turn: Turn) -> Turn:
        """Write how a dispense ended; one that isn't open stays as it is."""
        around = turn.around
        for entry in around.open:
            if entry.dispense_id == command.dispense_id:
                left = around.stock[entry.slot] + command.drink_kept
                turn = turn.but(
                    stock=with_item(around.stock, entry.slot, left),
                    unknown=around.unknown + (command.outcome is Outcome.UNKNOWN),
                    open=tuple(each for each in around.open if each is not entry),
                )
                booked = column(command.outcome, command.drink_kept)
                return turn.entering(Entry(entry.slot, "unknown", booked, ENDS_IN[entry.known]))
        return turn

    def loaded(self, turn: Turn, slot: int, drinks: int) -> Turn:
        """A person says what ``slot`` holds now."""
        more = drinks - turn.around.stock[slot]
        put_in = [Entry(slot, "", "remaining", "remaining")] * more
        taken_out = [Entry(slot, "remaining", "", "")] * -more
        turn = turn.but(stock=with_item(turn.around.stock, slot, drinks))
        return turn.entering(*put_in, *taken_out)


def with_item(items: tuple[int, ...], index: int, item: int) -> tuple[int, ...]:
    return (*items[:index], item, *items[index + 1 :])
