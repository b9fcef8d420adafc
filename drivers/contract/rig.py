"""What an author hands in: a board on the bench, its driver, and a hand at both."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import repeat

from drivers.hal import Clock, Driver, Relay, RelaySettings, open_with_off


def unchanged(answer: bytes) -> bytes:
    """An answer that arrives as it was sent."""
    return answer


AT_ONCE: Iterator[int] = repeat(65_536)
"""Pieces so large that there is but one."""


class Rig(ABC):
    """A board, its driver, and the time that both live in. Each test wants a new one, all OFF."""

    examples: int | None = None
    """How many examples hypothesis tries; None for as many as its profile says."""

    def __init__(self, driver: Driver, settings: RelaySettings, clock: Clock) -> None:
        self.driver = driver
        self.settings = settings
        self.clock = clock

    @property
    def channels(self) -> Sequence[int]:
        """Those that may be energised."""
        return self.settings.channels

    @property
    def pulse_ms(self) -> int:
        """How long they are."""
        return self.driver.nearest_pulse_ms(1_000)

    def open(self) -> Relay:
        """The board, as it is. Raises RelayError."""
        return self.driver.open_relay(self.settings, self.clock)

    def begin(self, device_timed: bool | None = None) -> Relay:
        """The board, told OFF, as at every beginning. Raises RelayError.

        ``device_timed``: whether its timer is used; None for what the settings say.
        """
        settings = self.settings
        if device_timed is not None:
            settings = replace(settings, device_timed=device_timed)
        return open_with_off(self.driver, settings, self.clock)

    @abstractmethod
    def energised(self) -> set[int] | None:
        """The channels that really are; None where nobody can look."""

    @abstractmethod
    def pass_ms(self, span_ms: int) -> None:
        """Let time pass, and the board do what is due by then."""

    def wait_until(self, so: Callable[[], bool]) -> None:  # noqa: B027
        """Return once it is ``so``, or when it will never be: bytes take their time on a wire.

        Not on one in memory, which may leave this as it is.
        """


class WireRig(Rig):
    """A rig with a hand at the wire. It can look, too."""

    noise = b""
    """The bytes that begin no answer, so that any of them can stand around one.

    None, where any byte can be an answer.
    """
    checked = True
    """Whether one wrong bit in an answer is always noticed; not without a sum, say."""

    @abstractmethod
    def energised(self) -> set[int]: ...

    @abstractmethod
    def told_on(self) -> int:
        """How often the board was told to energise anything, whether it did or not."""

    @abstractmethod
    def shape(
        self, change: Callable[[bytes], bytes] = unchanged, pieces: Iterator[int] = AT_ONCE
    ) -> None:
        """From now on an answer arrives as ``change`` makes it, each read getting so many bytes."""

    @abstractmethod
    def say(self, data: bytes) -> None:
        """Send ``data`` to the host, which asked nothing, and return when it is there."""

    @abstractmethod
    def unplug(self) -> None:
        """Pull the cable."""

    @abstractmethod
    def plug(self) -> None:
        """Put it in again, under the same name."""

    @abstractmethod
    def clogged(self) -> AbstractContextManager[None]:
        """Meanwhile, each write times out; whether its bytes arrive is up to the wire."""

    @abstractmethod
    def throw(self, fault: str) -> None:
        """Break the board: ``welded``, ``stuck-open``, or ``crossed`` (its first two channels)."""

    @abstractmethod
    def mend(self) -> None:
        """All is well again; a coil stays as it is until it is told."""
