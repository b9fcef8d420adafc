"""The parts that the face is made of."""

from collections import deque
from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

KEPT = 200
"""Lines of a list."""


class Words(Static):
    """Says something, and is drawn anew only if that is something else."""

    def say(self, content: Content) -> None:
        """From now on this."""
        shown = self.content
        if not (isinstance(shown, Content) and shown.is_same(content)):
            self.update(content)


class Tail(Static):
    """The last lines of a list, as many as there is room for; the newest is at the bottom."""

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self.border_title = name
        self._lines: deque[Content] = deque(maxlen=KEPT)

    def clear(self) -> None:
        """It begins anew."""
        self._lines.clear()
        self.refresh()

    def add(self, lines: Sequence[Content]) -> None:
        """What is new."""
        if lines:
            self._lines.extend(lines)
            self.refresh()

    def render(self) -> Content:
        return Content("\n").join(list(self._lines)[-max(1, self.size.height) :])
