"""A light barrier on a pin of this computer.

A receiver with an open collector pulls the pin to 0 V while its beam is broken, or
while it is not: the config says which, and the pin is pulled the other way.
"""

from contextlib import suppress

from drivers import pins
from drivers.hal import Relay, RelayError, SensorError, SensorSettings


class GpioSensor:
    """See :class:`drivers.hal.DropSensor`."""

    def __init__(self, pin: int, *, broken_when_high: bool) -> None:
        """Raises SensorError."""
        self._name = f"pin {pin}"
        try:
            self._beam = pins.beam(pin, broken_when_high=broken_when_high)
        except RelayError as error:
            raise SensorError(str(error)) from error

    def broken(self) -> bool:
        try:
            return bool(self._beam.value)
        except Exception as error:
            # gpiozero and lgpio raise families without a common ancestor.
            raise SensorError(f"{self._name}: can't be read ({error})") from error

    def close(self) -> None:
        with suppress(Exception):
            self._beam.close()


def open_sensor(settings: SensorSettings, relay: Relay) -> GpioSensor:
    """See :func:`drivers.sensors.open_sensor`."""
    return GpioSensor(settings.pin, broken_when_high=settings.broken_when_high)
