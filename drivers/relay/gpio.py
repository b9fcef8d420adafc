"""Relays on the pins of a Raspberry Pi; a channel is a pin, by its BCM number.

Source: gpiozero 2.0, ``OutputDevice``. A pin that is let go becomes an input, so
that its relay falls when this program ends, as a kernel is trusted to do when it
is killed.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from drivers import pins
from drivers.hal import Capabilities, Clock, Driver, PortLost, RelaySettings

if TYPE_CHECKING:
    from gpiozero import OutputDevice


class GpioRelay:
    """See :class:`drivers.hal.Relay`. A pin tells nothing of the relay behind it."""

    capabilities = Capabilities()

    def __init__(self, channels: Sequence[int], *, active_low: bool) -> None:
        """Raises NotSent."""
        self.channels = channels
        self._pins: dict[int, OutputDevice] = {}
        try:
            for channel in channels:
                self._pins[channel] = pins.output(channel, active_low=active_low)
        except BaseException:
            self.close()
            raise

    def on(self, channel: int, pulse_ms: int) -> bool:
        return self._put(channel, True)

    def off(self, channel: int) -> bool:
        return self._put(channel, False)

    def check(self) -> None:
        """There is nothing to ask."""
        if any(pin.closed for pin in self._pins.values()):
            raise PortLost("the pins were let go")

    def close(self) -> None:
        for pin in self._pins.values():
            with suppress(Exception):  # whatever it is, the next pin must be let go, too
                pin.close()

    def _put(self, channel: int, on: bool) -> bool:
        try:
            self._pins[channel].value = on
        except Exception as error:
            # gpiozero and lgpio raise families without a common ancestor.
            raise PortLost(f"pin {channel}: can't be switched ({error})") from error
        return False


def _open(settings: RelaySettings, clock: Clock) -> GpioRelay:
    return GpioRelay(settings.channels, active_low=settings.active_low)


DRIVER = Driver(
    capabilities=Capabilities(),
    max_channels=pins.HIGHEST,
    open_relay=_open,
    on_pins=True,
)
