"""What the controller asks of hardware: small interfaces, and one page of errors.

A driver is blocking and is called from one thread. It never retries: a retried
ON is a second drink. Every call returns within the port's timeouts or raises
one of the errors below, each of which says what is known of the relay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Monotonic time in whole milliseconds; it never runs back and has no epoch."""

    def now_ms(self) -> int: ...

    def sleep_ms(self, span_ms: int) -> None:
        """Block for at least ``span_ms`` (0 or more)."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a board can do beyond switching; the machine plans with it."""

    acknowledges: bool = False
    """Answers a command, so that ``on`` and ``off`` can confirm."""
    reads_back: bool = False
    """Can report its coils."""
    device_timed: bool = False
    """Can end a pulse by itself, should the host die."""

    @property
    def blind(self) -> bool:
        """Nothing but this program will ever switch it off, and nobody can tell if it did."""
        return not (self.acknowledges or self.reads_back or self.device_timed)


class Relay(Protocol):
    """An open relay board. Making one has told every channel OFF."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def channels(self) -> Sequence[int]:
        """The board's channels, numbered from 1."""

    def on(self, channel: int) -> bool:
        """Energise ``channel``; True if the board confirmed it, False if it can't tell.

        Raises NotSent if certainly nothing reached the wire, any other
        RelayError if the relay may have been energised. Never call it again
        for the same drink.
        """

    def off(self, channel: int) -> bool:
        """De-energise ``channel``; as ``on``, but safe to repeat."""

    def check(self) -> None:
        """Raise RelayError if the board is gone; must not switch anything."""

    def close(self) -> None:
        """Let the port go, best effort and without raising; coils stay as they are."""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """What a config says of a board. ``channels`` counts them; ``address`` is the bus address."""

    driver: str
    port: str
    baud: int
    address: int
    channels: int


class HardwareError(Exception):
    """Something real went wrong; the text is one line for the operator."""


class RelayError(HardwareError):
    """The relay board did not do as told; after an ON the outcome is unknown."""


class NotSent(RelayError):
    """Certainly nothing reached the wire: the relay is as it was."""


class PortMissing(NotSent):
    """There is no such device: unplugged, or the path is wrong."""


class PortDenied(NotSent):
    """The device is there, but this user may not open it."""


class PortBusy(NotSent):
    """Another program holds the port."""


class PortLost(RelayError):
    """The port broke while it was in use: the cable is out."""


class WriteTimedOut(RelayError):
    """The write did not finish in time; any part of it may have arrived."""


def all_off(relay: Relay) -> None:
    """Tell every channel OFF. Raises what the first failing one raised, after trying all."""
    first: RelayError | None = None
    for channel in relay.channels:
        try:
            relay.off(channel)
        except RelayError as error:
            first = first or error
    if first is not None:
        raise first
