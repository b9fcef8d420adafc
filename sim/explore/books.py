"""The books as an onlooker sees them, beside what is really known of each drink."""

from collections import Counter
from collections.abc import Iterable, Sequence

from controller.events import Dropped, Event, Failed, Outcome, Released
from controller.journal import Book
from sim.explore.around import Around, Known, Open
from sim.explore.mind import NOW_MS, Mind
from sim.explore.turn import Entry, Turn
from sim.trace import BooksSeen

ENDS_IN = {
    Known.NOTHING: "unknown",
    Known.KEPT: "remaining",
    Known.RELEASED: "dispensed",
    Known.SEEN: "dispensed",
    Known.UNSEEN: "failed",
}
"""The sum in which a drink belongs, of whose dispense no more becomes known."""


def column(outcome: Outcome, drink_kept: bool) -> str:
    """The sum into which the journal writes it."""
    if drink_kept:
        return "remaining"
    return outcome.value if outcome in (Outcome.FAILED, Outcome.UNKNOWN) else "dispensed"


def heard(entry: Open, event: Event, looked: bool) -> Open:
    """``entry`` with what ``event`` tells; ``looked``: and no drink was seen until the deadline."""
    known = entry.known
    match event:
        case Failed(dispense_id=number) if number == entry.dispense_id:
            # That OFF failed takes nothing back.
            known = Known.KEPT if event.drink_kept else known
        case Dropped(dispense_id=number) if number == entry.dispense_id:
            known = Known.SEEN
        case Released(dispense_id=number) if number == entry.dispense_id:
            known = Known.RELEASED if known is Known.NOTHING else known
        case _ if looked and known is Known.RELEASED:
            known = Known.UNSEEN
    return entry._replace(known=known)


def seen(names: Sequence[str], before: Around, turn: Turn) -> BooksSeen:
    """The sums of the slots of which ``turn`` has written, and what they should be."""
    if not turn.entries:
        return BooksSeen(NOW_MS, (), (), len(turn.around.open))
    slots = sorted({entry.slot for entry in turn.entries})
    true = [entry._replace(booked=entry.true) for entry in turn.entries]
    return BooksSeen(
        NOW_MS,
        tuple([_book(names, before, slot, turn.entries) for slot in slots]),
        tuple([_book(names, before, slot, true) for slot in slots]),
        len(turn.around.open),
    )


def _book(names: Sequence[str], before: Around, slot: int, entries: Iterable[Entry]) -> Book:
    """Begun anew with what is left and what is unknown, of whichever slot."""
    sums = Counter(remaining=before.stock[slot], unknown=before.unknown + len(before.open))
    loaded = sums.total()
    for entry in entries:
        if entry.slot == slot:
            loaded += (not entry.source) - (not entry.booked)
            sums[entry.source] -= 1
            sums[entry.booked] += 1
    return Book(
        names[slot],
        loaded=loaded,
        remaining=sums["remaining"],
        dispensed=sums["dispensed"],
        failed=sums["failed"],
        unknown=sums["unknown"],
    )


def compared(mind: Mind, around: Around) -> str:
    """Whether the core counts as the journal does, while nothing is on its way between them."""
    counted = tuple([slot.remaining for slot in mind.memory.slots]), mind.memory.unknown
    written = around.stock, around.unknown
    if around.owed or not around.journal_well or counted == written:
        return ""
    (left, unknown), (truly_left, truly_unknown) = counted, written
    return (
        f"S5 the books balance: the core counts {left} left and {unknown} unknown,"
        f" the journal has {truly_left} and {truly_unknown}"
    )
