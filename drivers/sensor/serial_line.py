"""A light barrier on CTS or DSR of the relay board's own serial adapter.

pyserial says True of a line that is asserted. On an RS-232 connector that is a
positive voltage, on the pins of a TTL adapter 0 V.
"""

from typing import cast

from drivers.hal import HasLines, Relay, RelayError, SensorError, SensorSettings


class LineSensor:
    """See :class:`drivers.hal.DropSensor`."""

    def __init__(self, adapter: HasLines, line: str, *, broken_when_high: bool) -> None:
        self._adapter = adapter
        self._line = line
        self._broken_when = broken_when_high

    def broken(self) -> bool:
        try:
            return self._adapter.line(self._line) is self._broken_when
        except RelayError as error:
            raise SensorError(str(error)) from error

    def close(self) -> None:
        """The adapter is the relay's."""


def open_sensor(settings: SensorSettings, relay: Relay) -> LineSensor:
    """See :func:`drivers.sensors.open_sensor`."""
    if not hasattr(relay, "line"):
        raise SensorError(f"{settings.line.upper()}: the relay is on no serial adapter")
    return LineSensor(
        cast(HasLines, relay), settings.line, broken_when_high=settings.broken_when_high
    )
