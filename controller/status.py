"""What everybody may know of the machine, and how it reaches the pages."""

from collections.abc import Callable
from typing import NamedTuple

from controller.events import Outcome
from controller.machine import Reason
from controller.table import State


class SlotStatus(NamedTuple):
    """One slot for the pages and ``/api/status``."""

    name: str
    capacity: int
    remaining: int
    fault: str = ""
    """Why it is out of use, for the operator; empty if it is not."""

    @property
    def healthy(self) -> bool:
        return not self.fault


class Status(NamedTuple):
    """One moment of the machine, complete."""

    state: State
    reason: Reason | None
    detail: str
    """For the operator, when out of service; empty otherwise."""
    code: int
    token: str
    """The scan code on the screen; empty while there is none to scan."""
    slots: tuple[SlotStatus, ...]
    outcomes: tuple[tuple[Outcome, int], ...] = ()
    """How many dispenses ended how since the start; those that never happened are left out."""
    last_outcome: Outcome | None = None
    """How the latest dispense since the start ended."""


class Feed:
    """The latest status. One thread publishes; any thread reads or subscribes."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._listeners: list[Callable[[Status], None]] = []

    @property
    def status(self) -> Status:
        return self._status

    def subscribe(self, listener: Callable[[Status], None]) -> None:
        """Call ``listener`` in the publisher's thread with every new status; it must not block."""
        self._listeners.append(listener)

    def publish(self, status: Status) -> None:
        """Make ``status`` the latest, if it says anything new."""
        if status != self._status:
            self._status = status
            for listener in self._listeners:
                listener(status)
