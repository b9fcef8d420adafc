"""What a face reads of the desk at once, so that its owner is asked once for all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controller.status import Status
from sim.desk import Desk

MOST_NEWS = 100
"""So much of what was seen in between is read; of the rest, how much it was."""


@dataclass(frozen=True, slots=True)
class View:
    """One moment; see :class:`sim.desk.Desk` for what is in each part."""

    hello: Mapping[str, Any]
    look: Mapping[str, Any]
    status: Status | None
    """The running controller's; None while it is down."""
    news: Sequence[Mapping[str, Any]]
    """What was seen since the last view."""
    skipped: int
    """How much more that was."""
    log: Sequence[str]
    anew: bool
    """Another machine stands there: what was seen of the last one is past."""


class Reader:
    """Reads one view after the other. Called by the thread that owns the session."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._built = 0
        self._after = 0
        self._hello: Mapping[str, Any] = {}

    def __call__(self) -> View:
        desk = self._desk
        anew = desk.built != self._built
        if anew:
            self._built, self._after, self._hello = desk.built, 0, desk.hello()
        news, skipped = desk.news(self._after, MOST_NEWS)
        self._after = desk.session.seen
        return View(
            hello=self._hello,
            look=desk.look(),
            status=desk.status,
            news=news,
            skipped=0 if anew else skipped,
            log=desk.log,
            anew=anew,
        )
