"""What the dialects share: a codec that only knows bytes, and the relay that sends them.

A dialect is a codec: pure, so that its vectors are its tests. The relay does with
it what a careful hand would: ask for the acknowledgement where there is one, read
the coil back where that can be done, and never send an ON twice.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle

from drivers.hal import (
    Capabilities,
    Clock,
    Driver,
    Refused,
    RelaySettings,
    StuckOff,
    StuckOn,
    WrongChannel,
)
from drivers.relay.port import Port, open_port


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command, and the bytes by which the board acknowledges it; empty if it doesn't."""

    request: bytes
    acknowledgement: bytes = b""


class Codec(ABC):
    """The bytes of one dialect. Channels count from 1, as on the board."""

    gap_ms = 0
    """What the board needs between two frames."""

    @abstractmethod
    def on(self, channel: int) -> Exchange: ...

    @abstractmethod
    def off(self, channel: int) -> Exchange: ...

    def pulse(self, channel: int, pulse_ms: int) -> Exchange:
        """Only for boards that are ``device_timed``."""
        raise NotImplementedError

    def status(self, channel: int) -> bytes:
        """The question for ``channel``; empty if the dialect has none."""
        return b""

    def coil(self, channel: int, heard: bytes) -> bool | None:
        """What an answer to :meth:`status` says; None while it is not whole."""
        raise NotImplementedError

    def acknowledged(self, exchange: Exchange, heard: bytes) -> bool:
        """Whether ``heard`` holds the acknowledgement of ``exchange``."""
        return exchange.acknowledgement in heard

    def refusal(self, asked: bytes, heard: bytes) -> Refused | None:
        """What to raise if ``heard`` says no to ``asked``."""
        return None


class SerialRelay:
    """A board behind a serial port; see :class:`drivers.hal.Relay`."""

    def __init__(
        self,
        port: Port,
        codec: Codec,
        capabilities: Capabilities,
        channels: Sequence[int],
        clock: Clock,
    ) -> None:
        self.capabilities = capabilities
        self.channels = channels
        self._port = port
        self._codec = codec
        self._clock = clock
        self._told_on: set[int] = set()
        self._looks = cycle(channels)

    def on(self, channel: int, pulse_ms: int) -> bool:
        began_ms = self._clock.now_ms()
        self._told_on.add(channel)
        if self.capabilities.device_timed:
            self._tell(self._codec.pulse(channel, pulse_ms))
        else:
            self._tell(self._codec.on(channel))
        if self.capabilities.reads_back and not self._reads(channel, True):
            # A pulse that the board times may be over by now: then OFF says nothing.
            if not self._may_be_over(began_ms, pulse_ms):
                raise self._why_off(channel)
            return self.capabilities.acknowledges
        return self._confirms

    def off(self, channel: int) -> bool:
        self._tell(self._codec.off(channel))
        if self.capabilities.reads_back and not self._reads(channel, False):
            raise StuckOn(
                f"{self._port.name}: channel {channel} stays ON after OFF; is a contact welded?"
                " Switch the motors off by hand"
            )
        self._told_on.discard(channel)
        return self._confirms

    def read(self, channel: int) -> bool:
        """Whether the board says that ``channel`` is energised. Raises RelayError."""
        question = self._codec.status(channel)
        return self._ask(question, lambda heard: self._codec.coil(channel, heard))

    def line(self, name: str) -> bool:
        """See :class:`drivers.hal.HasLines`."""
        return self._port.line(name)

    def check(self) -> None:
        self._port.check()
        if self.capabilities.reads_back:  # an adapter may well outlive the board behind it
            channel = next(self._looks)
            if not self._reads(channel, False) and channel not in self._told_on:
                raise StuckOn(
                    f"{self._port.name}: channel {channel} is ON, and was told OFF; is a contact"
                    " welded? Switch the motors off by hand"
                )

    def close(self) -> None:
        self._port.close()

    @property
    def _confirms(self) -> bool:
        return self.capabilities.acknowledges or self.capabilities.reads_back

    def _tell(self, exchange: Exchange) -> None:
        if exchange.acknowledgement:
            understand = self._codec.acknowledged
            self._ask(exchange.request, lambda heard: understand(exchange, heard) or None)
        else:
            self._port.write(exchange.request)

    def _ask(self, question: bytes, understand: Callable[[bytes], bool | None]) -> bool:
        def answer(heard: bytes) -> bool | None:
            refusal = self._codec.refusal(question, heard)
            if refusal is not None:
                raise refusal
            return understand(heard)

        return self._port.ask(question, answer)

    def _reads(self, channel: int, on: bool) -> bool:
        """Whether the board says so; if not at once, then at the second asking.

        Boards are known whose first answer tells how things were before.
        """
        return self.read(channel) == on or self.read(channel) == on

    def _why_off(self, channel: int) -> StuckOff | WrongChannel:
        """Why ``channel`` did not close: did another one in its place?"""
        for other in self.channels:
            if other != channel and self.read(other):
                return WrongChannel(
                    f"{self._port.name}: channel {channel} was told ON, and channel {other} closed;"
                    " are wires crossed?"
                )
        return StuckOff(f"{self._port.name}: channel {channel} stays OFF after ON")

    def _may_be_over(self, began_ms: int, pulse_ms: int) -> bool:
        elapsed_ms = self._clock.now_ms() - began_ms
        return self.capabilities.device_timed and elapsed_ms >= pulse_ms * 3 // 4


def open_dialect(
    codec: Codec, driver: Driver, settings: RelaySettings, clock: Clock
) -> SerialRelay:
    """Open a board that speaks ``codec``, and switch nothing. Raises RelayError."""
    port = open_port(settings.port, settings.baud, gap_ms=codec.gap_ms, clock=clock)
    return SerialRelay(port, codec, driver.can(settings.device_timed), settings.channels, clock)
