"""A serial port named by what is plugged in: ``usb:1a86:7523``, or ``usb:1a86:7523:SERIAL``.

A board that is plugged in again may be another ``/dev/ttyUSB``. The vendor and the
product that ``lsusb`` shows stay, and are looked for anew whenever the port is opened.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from drivers.hal import NotSent, PortMissing

if TYPE_CHECKING:
    from serial.tools.list_ports_common import ListPortInfo

PREFIX = "usb:"
ALLOWED = "usb:VVVV:PPPP[:SERIAL] as lsusb shows it"

THEFT = "on Debian brltty takes such boards: apt purge brltty"
"""It drives Braille displays, and takes any CH340 for one."""

_NAME = re.compile(r"usb:([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})(?::(.+))?")


class Device(NamedTuple):
    """What a name says of a device."""

    vendor: int
    product: int
    serial_number: str | None
    """None: whichever there is."""

    @property
    def kind(self) -> tuple[int, int]:
        return self.vendor, self.product


class Bus(Protocol):
    """What is plugged into a computer."""

    def ports(self) -> "list[ListPortInfo]":
        """All serial ports. May raise what pyserial's ``comports`` does."""

    def kinds(self) -> set[tuple[int, int]]:
        """Vendor and product of all devices, with a port or without."""


class ThisComputer:
    """What pyserial and the kernel tell."""

    def ports(self) -> "list[ListPortInfo]":
        from serial.tools.list_ports import comports

        return sorted(comports())

    def kinds(self) -> set[tuple[int, int]]:
        found = set()
        for device in Path("/sys/bus/usb/devices").glob("*"):
            with suppress(OSError, ValueError):  # a hub's port has neither, nor what is just pulled
                vendor, product = (device / file for file in ("idVendor", "idProduct"))
                found.add((int(vendor.read_text(), 16), int(product.read_text(), 16)))
        return found


_bus: ContextVar[Bus] = ContextVar("bus", default=ThisComputer())  # noqa: B039  # it has no state


@contextmanager
def plugged_into(bus: Bus) -> Iterator[None]:
    """Within, devices are looked for on ``bus``: a simulation's."""
    before = _bus.set(bus)
    try:
        yield
    finally:
        _bus.reset(before)


def well_named(name: str) -> bool:
    """Whether ``name`` has the form that :data:`ALLOWED` shows."""
    return _NAME.fullmatch(name) is not None


def named(name: str) -> Device:
    """The device that ``name`` means. Raises NotSent if it has another form than ALLOWED shows."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise NotSent(f"{name}: not a port; allowed: {ALLOWED}")
    vendor, product, serial_number = match.groups()
    return Device(int(vendor, 16), int(product, 16), serial_number)


def find(name: str) -> str:
    """The path of the one port that ``name`` fits now. Raises PortMissing or NotSent."""
    device = named(name)
    ports = [port for port in _ports(name) if (port.vid, port.pid) == device.kind]
    if not ports and device.kind in _bus.get().kinds():
        raise PortMissing(f"{name}: the board is plugged in, and has no port; {THEFT}")
    if device.serial_number is not None:
        ports = [port for port in ports if port.serial_number == device.serial_number]
    if not ports:
        raise PortMissing(f"{name}: no such USB device; is the board plugged in?")
    if len(ports) > 1:
        raise NotSent(f"{name}: {_alike(name, ports)}")
    return ports[0].device


def _ports(name: str) -> "list[ListPortInfo]":
    try:
        return _bus.get().ports()
    except (OSError, TypeError, ValueError) as error:
        # It reads file after file of each device, and trips over one that is pulled meanwhile.
        told = "a USB device was pulled while all were listed; try again"
        raise NotSent(f"{name}: {told}") from error


def _alike(name: str, ports: "list[ListPortInfo]") -> str:
    kind = ":".join(name.split(":")[:3])
    devices = " and ".join(port.device for port in ports)
    numbers = sorted({port.serial_number for port in ports if port.serial_number})
    ways = "its path in /dev/serial/by-path"
    if len(numbers) == len(ports):
        ways += f", or as {' or '.join(f'{kind}:{number}' for number in numbers)}"
    return f"{devices} are alike; name one by {ways}"
