"""The instants at which a machine may lose its power, or its controller its life.

Before and after each write and sync of the journal, and before and after each byte on the
wire: these are counted from the moment at which somebody means to cut.
"""

from collections.abc import Callable


class PowerCut(BaseException):
    """The power goes, wherever the program is: nothing may catch it."""


class Instants:
    """Counts them. ``cut_at`` is the number of the one at which the power goes; 0 for none."""

    def __init__(self) -> None:
        self.passed = 0
        self.counts: list[int] = []
        """How many passed, each time that somebody minded them."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when somebody begins or ends to mind them."""
        self._cut_at = 0

    @property
    def cut_at(self) -> int:
        return self._cut_at

    @cut_at.setter
    def cut_at(self, cut_at: int) -> None:
        """Count from now on; 1 is the next one, and 0 never comes."""
        if self._cut_at:
            self.counts.append(self.passed)
        self.passed = 0
        self._cut_at = cut_at
        self.on_change()

    def passes(self) -> bool:
        """One more; True if the power goes now."""
        self.passed += 1
        return self.passed == self._cut_at
