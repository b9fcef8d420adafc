"""A day at an expo: controllers that come to an end, and the visitors that they leave behind."""

from pathlib import Path

from controller.door import Word
from controller.web.words import EN
from sim.properties import recorded
from tests.expo import PULSE_MS, Expo, Visitor, slots
from tests.witness import Witness


class Show:
    """``journal`` is where this process finds it."""

    def __init__(self, expo: Expo, journal: Path) -> None:
        self.expo = expo
        self.journal = journal
        self.witness = Witness(expo, journal)
        self._visitors: list[Visitor] = []
        self._log = ""

    def start(self, pulse_ms: int = PULSE_MS) -> None:
        """A controller begins to start."""
        self.expo.start(slots=slots(pulse_ms))

    def in_service(self) -> None:
        """The controller has just said that it is; whoever was there last comes back in vain."""
        self.witness.in_service()
        for visitor in self._who_scanned()[-1:]:
            visitor.returns()

    def visitor(self) -> Visitor:
        """Somebody new."""
        visitor = Visitor(self.expo, self.witness.see)
        self._visitors.append(visitor)
        return visitor

    def kill(self) -> None:
        """SIGKILL."""
        assert self.expo.controller.running(), self.expo.controller.hear()
        self.expo.controller.kill()
        self.gone()

    def gone(self) -> None:
        """The controller is dead."""
        self.witness.gone()
        self._log += self.expo.controller.said

    def end(self) -> None:
        """A last controller, on all that was left behind, and an orderly end."""
        self.start()
        self.expo.controller.wait_for("^quench: in service$")
        self.in_service()
        for visitor in self._who_scanned():
            visitor.returns()
        self.witness.look()
        last = self.visitor()
        assert last.comes()
        assert EN.told[Word.ENJOY].title in last.taps()
        assert self.expo.controller.stop() == 0
        self.gone()
        assert self.expo.energised() == set()
        assert not self.witness.ledger.of_outcome("open"), "stopped in good order, and not settled"
        assert "Traceback" not in self._log
        tokens = [visitor.token for visitor in self._who_scanned()]
        files = [("log", self._log.encode()), ("journal", self.journal.read_bytes())]
        assert list(recorded(files, tokens)) == [], "S6"

    def _who_scanned(self) -> list[Visitor]:
        return [visitor for visitor in self._visitors if visitor.path]
