"""One way in which things go on outside the core, built up step by step."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from controller.events import Event, Failed, Outcome
from sim.explore.around import Around, Relay
from sim.explore.mind import NOW_MS
from sim.trace import Died, RelaySwitched, Seen

LOST = "lost"
"""What is said of every lost part: the core only passes it on."""


class Entry(NamedTuple):
    """One drink in the books: what was written of it, and what should have been."""

    slot: int
    source: str
    """The sum that it was in; empty if a person has put it there."""
    booked: str
    """The sum that it is in now; empty if a person has taken it out."""
    true: str


class Turn(NamedTuple):
    """What is around the core now, and what was seen and written on the way there."""

    around: Around
    seen: tuple[Seen, ...] = ()
    entries: tuple[Entry, ...] = ()
    words: tuple[str, ...] = ()
    """For a person."""

    def but(self, words: str = "", *seen: Seen, **around: Any) -> "Turn":
        """And then this, which changes ``around``."""
        return Turn(
            self.around._replace(**around) if around else self.around,
            self.seen + seen,
            self.entries,
            (*self.words, words) if words else self.words,
        )

    def entering(self, *entries: Entry) -> "Turn":
        """And the journal says so."""
        return self._replace(entries=self.entries + entries)

    def owing(self, *events: Event | None) -> "Turn":
        """And the runner has these results."""
        return self.but(owed=self.around.owed + events)

    def kept(self, dispense_id: int, **why: Any) -> "Turn":
        """And the dispense failed with nothing energised, which the runner tells first of all."""
        failed = Failed(dispense_id, Outcome.FAILED, drink_kept=True, **why)
        return self.but(owed=(failed, *self.around.owed))

    def unclear(self, dispense_id: int, **why: Any) -> "Turn":
        """And nobody can tell how the dispense went, which the runner tells first of all."""
        failed = Failed(dispense_id, Outcome.UNKNOWN, **why)
        return self.but(owed=(failed, *self.around.owed))

    def without_relay(self, words: str = "") -> "Turn":
        """And the runner lets the relay go, and the sensor, which may hang on its adapter."""
        return self.but(words, relay=Relay.LOST, news=None)

    def off(self, *channels: int, commanded: bool = True) -> "Turn":
        """And the board de-energises these."""
        seen = [RelaySwitched(NOW_MS, channel, False, commanded, ()) for channel in channels]
        coil = self.around.coil
        return self.but("", *seen, coil=0 if coil in channels else coil)

    def crashes(self) -> Iterator["Turn"]:
        """And the controller is killed, or the power is cut: only a coil tells these apart."""
        if not self.around.coil:
            yield self._died("killed, or without power")
        else:
            yield self._died("killed")
            yield self.off(self.around.coil, commanded=False)._died("without power")

    def _died(self, words: str) -> "Turn":
        """What is left is what is on disk, and the coil."""
        around = self.around
        left = Around(
            coil=around.coil,
            stock=around.stock,
            unknown=around.unknown,
            open=around.open,
            spent=around.spent,
            winner=around.winner,
        )
        return self.but(words, Died(NOW_MS))._replace(around=left)
