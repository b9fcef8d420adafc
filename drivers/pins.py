"""The pins of this computer, through gpiozero and lgpio: both come with ``quench[gpio]``.

gpiozero by itself falls back to other ways to the pins, and in the end to one
that may do nothing. Here there is lgpio, or an error that says what is missing.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from drivers.hal import NotSent, PortBusy, PortMissing

if TYPE_CHECKING:
    from gpiozero import DigitalInputDevice, OutputDevice
    from gpiozero.pins import Factory

T = TypeVar("T")

HIGHEST = 27
"""Pins are named by their BCM numbers; those of the header go up to here."""

_simulated: "Factory | None" = None


def simulate(factory: "Factory | None") -> None:
    """From now on the pins are those of ``factory``, or real again if it is None."""
    global _simulated  # noqa: PLW0603
    _simulated = factory


@cache
def _real() -> "Factory":
    from gpiozero.pins.lgpio import LGPIOFactory

    return LGPIOFactory()


def output(pin: int, *, active_low: bool) -> "OutputDevice":
    """``pin`` as an output, off. Raises NotSent."""

    def claim() -> "OutputDevice":
        from gpiozero import OutputDevice

        factory = _simulated or _real()
        return OutputDevice(
            pin, active_high=not active_low, initial_value=False, pin_factory=factory
        )

    return _claimed(pin, claim)


def beam(pin: int, *, broken_when_high: bool) -> "DigitalInputDevice":
    """``pin`` as an input that is active while it is as a broken beam makes it.

    It is pulled the other way, so that a receiver with an open collector works as it
    is. Raises NotSent.
    """

    def claim() -> "DigitalInputDevice":
        from gpiozero import DigitalInputDevice

        factory = _simulated or _real()
        return DigitalInputDevice(pin, pull_up=not broken_when_high, pin_factory=factory)

    return _claimed(pin, claim)


def _claimed(pin: int, claim: Callable[[], T]) -> T:
    try:
        return claim()
    except ModuleNotFoundError as error:
        raise NotSent(
            f"pin {pin}: gpio needs the package {error.name}: pip install 'quench[gpio]'"
        ) from error
    except Exception as error:
        # gpiozero and lgpio raise families without a common ancestor.
        text = str(error)
        if "busy" in text.lower() or "in use" in text.lower():
            raise PortBusy(f"pin {pin}: in use by another program") from error
        raise PortMissing(f"pin {pin}: this computer's pins can't be opened ({text})") from error
