"""What the controller asks of hardware: small interfaces, and one page of errors.

A driver is blocking and is called from one thread. It never retries: a retried
ON is a second drink. Every call returns within the port's timeouts or raises
one of the errors below, each of which says what is known of the relay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
    """An open relay board. Opening it has energised nothing; see :func:`open_with_off`."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def channels(self) -> Sequence[int]:
        """The channels that are told OFF at every beginning and end."""

    def on(self, channel: int, pulse_ms: int) -> bool:
        """Energise ``channel``; True if the board confirmed it, False if it can't tell.

        A board that is ``device_timed`` is told ``pulse_ms``, and ends the pulse
        itself; on the others :meth:`off` does. Raises NotSent, Refused or StuckOff
        if certainly nothing is energised, any other RelayError if the relay may
        have been. Never call it again for the same drink.
        """

    def off(self, channel: int) -> bool:
        """De-energise ``channel``; as ``on``, but safe to repeat. StuckOn if it stays ON."""

    def check(self) -> None:
        """Raise RelayError if the board is gone; must not switch anything."""

    def close(self) -> None:
        """Let it go, best effort and without raising. A board's coils stay as they are."""


class ReadsBack(Protocol):
    """What a board whose ``capabilities.reads_back`` is true can do beside."""

    def read(self, channel: int) -> bool:
        """Whether the board says that ``channel`` is energised. Raises RelayError."""


class HasLines(Protocol):
    """What a relay on a serial adapter can do beside."""

    def line(self, name: str) -> bool:
        """Whether the modem line ``name``, "cts" or "dsr", is asserted.

        Raises RelayError. Another thread may call it.
        """


class DropSensor(Protocol):
    """A beam that a falling drink breaks. It is open, and says nothing of how long."""

    def broken(self) -> bool:
        """Whether something is in the beam now. Raises SensorError."""

    def close(self) -> None:
        """Let it go, best effort and without raising."""


@dataclass(frozen=True, slots=True)
class SensorSettings:
    """What a config says of a drop sensor: ``pin`` (BCM) or ``line``, as its driver has one."""

    driver: str
    pin: int = 0
    line: str = ""
    broken_when_high: bool = False


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """What a config says of a board.

    ``channels`` are those that are told OFF at every beginning and end: all of a
    board, and of pins only those in use. ``address`` is the bus address.
    ``device_timed`` false: the board's own timer is not to be used.
    ``active_low``: a pin energises its relay at 0 V.
    """

    driver: str
    port: str
    channels: Sequence[int]
    baud: int = 9600
    address: int = 1
    device_timed: bool = True
    active_low: bool = False


@dataclass(frozen=True, slots=True)
class Driver:
    """What a dialect's module offers, as ``DRIVER``: the same for those from outside."""

    capabilities: Capabilities
    max_channels: int
    open_relay: Callable[[RelaySettings, Clock], Relay]
    """Open the board and energise nothing. Raises RelayError."""
    nearest_pulse_ms: Callable[[int], int] = lambda pulse_ms: pulse_ms
    """The pulse that the board itself can time and that is nearest to the one asked for."""
    on_pins: bool = False
    """Its channels are pins of this computer: there is no port, and unused ones are left alone."""

    def can(self, device_timed: bool) -> Capabilities:
        """Its capabilities where a config says ``device_timed``."""
        return replace(
            self.capabilities, device_timed=self.capabilities.device_timed and device_timed
        )


class HardwareError(Exception):
    """Something real went wrong; the text is one line for the operator."""


class RelayError(HardwareError):
    """The relay board did not do as told; after an ON the outcome is unknown."""


class SensorError(HardwareError):
    """The drop sensor can't be read: a drink that falls would not be seen."""


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


class NoAnswer(RelayError):
    """The board was silent where its dialect has an answer: dead, unpowered, or it got lost."""


class BadAnswer(RelayError):
    """Something came back that is not the answer: noise, half of it, or somebody else's."""


class Refused(RelayError):
    """The board understood, and said no: nothing was energised, and the board is well."""


class StuckOff(RelayError):
    """The board says that the coil did not close: nothing was energised."""


class WrongChannel(RelayError):
    """Another coil closed than the one that was told: crossed wires, or a broken board."""


class StuckOn(RelayError):
    """The board says ON after OFF: a welded contact, perhaps."""


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


def open_with_off(driver: Driver, settings: RelaySettings, clock: Clock) -> Relay:
    """Open the board as every beginning must: with OFF on every channel. Raises RelayError."""
    relay = driver.open_relay(settings, clock)
    try:
        all_off(relay)
    except BaseException:
        relay.close()
        raise
    return relay
