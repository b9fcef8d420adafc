"""The hardware of a simulated machine: the emulated board of its config, cable, drop sensor."""

from collections.abc import Callable

from controller.errors import QuenchError
from drivers import registry
from drivers.hal import Clock, DropSensor, Relay, RelaySettings, SensorSettings
from drivers.sensors import open_sensor
from sim import boards, link, protocol_sim
from sim.boards.base import Board
from sim.chute import Chute, SimulatedSensor
from sim.link import Wire


def emulated(dialect: str, channels: int) -> Board:
    """The board that speaks ``dialect``. Raises QuenchError."""
    try:
        board = boards.base.load(dialect)
    except KeyError:
        raise QuenchError(
            f"no emulated board speaks {dialect!r}; there are: {', '.join(boards.base.names())}"
        ) from None
    try:
        return board(channels)
    except ValueError as error:
        raise QuenchError(str(error)) from error


def sensor(
    settings: SensorSettings | None, chute: Chute, wire: Wire
) -> Callable[[SensorSettings, Relay], DropSensor]:
    """What opens the drop sensor that looks into ``chute``.

    On a serial line that is the real driver, on a line of ``wire``; on a pin the
    simulated sensor, whose pin is nowhere.
    """
    if settings is None or settings.driver != "serial-line":
        return lambda settings, relay: SimulatedSensor(chute)
    broken_when = settings.broken_when_high
    wire.lines[settings.line] = lambda: chute.broken() is broken_when
    return open_sensor


def wire(settings: RelaySettings, clock: Clock, board: Board | None = None) -> Wire:
    """A wire with that board behind it, ready to be opened by its driver. Raises QuenchError.

    ``board`` is one that is not ours.
    """
    if board is not None:
        protocol_sim.register()
        return Wire(link.free_name("machine"), board, clock)
    if registry.load(settings.driver).on_pins:
        return _pins(settings, clock)
    protocol_sim.register()
    return Wire(link.free_name("machine"), emulated(settings.driver, len(settings.channels)), clock)


def _pins(settings: RelaySettings, clock: Clock) -> Wire:
    try:
        from sim.pins import PinWire
    except ModuleNotFoundError as error:
        raise QuenchError(
            f"simulated pins need the package {error.name}: pip install 'quench[gpio]'"
        ) from error
    return PinWire(link.free_name("machine"), clock, active_low=settings.active_low)
