"""A serial port named by what is plugged in: ``usb:1a86:7523``, or ``usb:1a86:7523:SERIAL``.

A board that is plugged in again may be another ``/dev/ttyUSB``. The vendor and the
product that ``lsusb`` shows stay, and are looked for anew whenever the port is opened.
"""

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from drivers.hal import NotSent, PortMissing

if TYPE_CHECKING:
    from serial.tools.list_ports_common import ListPortInfo

PREFIX = "usb:"
ALLOWED = "usb:VVVV:PPPP[:SERIAL] as lsusb shows it"

THEFT = "on Debian brltty takes such boards: apt purge brltty"
"""It drives Braille displays, and takes any CH340 for one."""

_NAME = re.compile(r"usb:([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})(?::(.+))?")


def well_named(name: str) -> bool:
    """Whether ``name`` has the form that :data:`ALLOWED` shows."""
    return _NAME.fullmatch(name) is not None


def find(name: str) -> str:
    """The path of the one port that ``name`` fits now. Raises PortMissing or NotSent."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise NotSent(f"{name}: not a port; allowed: {ALLOWED}")
    vendor, product, serial_number = match.groups()
    kind = int(vendor, 16), int(product, 16)
    ports = [port for port in _ports(name) if (port.vid, port.pid) == kind]
    if not ports and kind in _on_the_bus():
        raise PortMissing(f"{name}: the board is plugged in, and has no port; {THEFT}")
    if serial_number is not None:
        ports = [port for port in ports if port.serial_number == serial_number]
    if not ports:
        raise PortMissing(f"{name}: no such USB device; is the board plugged in?")
    if len(ports) > 1:
        raise NotSent(f"{name}: {_alike(f'{PREFIX}{vendor}:{product}', ports)}")
    return ports[0].device


def _ports(name: str) -> "list[ListPortInfo]":
    from serial.tools.list_ports import comports

    try:
        return sorted(comports())
    except (OSError, TypeError, ValueError) as error:
        # It reads file after file of each device, and trips over one that is pulled meanwhile.
        told = "a USB device was pulled while all were listed; try again"
        raise NotSent(f"{name}: {told}") from error


def _on_the_bus() -> set[tuple[int, int]]:
    """Vendor and product of all that is plugged in, with a driver or without."""
    found = set()
    for device in Path("/sys/bus/usb/devices").glob("*"):
        with suppress(OSError, ValueError):  # a hub's port has neither, nor what is just pulled
            vendor, product = (device / file for file in ("idVendor", "idProduct"))
            found.add((int(vendor.read_text(), 16), int(product.read_text(), 16)))
    return found


def _alike(kind: str, ports: "list[ListPortInfo]") -> str:
    devices = " and ".join(port.device for port in ports)
    numbers = sorted({port.serial_number for port in ports if port.serial_number})
    ways = "its path in /dev/serial/by-path"
    if len(numbers) == len(ports):
        ways += f", or as {' or '.join(f'{kind}:{number}' for number in numbers)}"
    return f"{devices} are alike; name one by {ways}"
