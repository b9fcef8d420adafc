"""The USB bus that a simulated machine looks for its board on: the one adapter, while it is in."""

from serial.tools.list_ports_common import ListPortInfo

from drivers.usb import Device
from sim.link import Wire


class UsbBus:
    """See :class:`drivers.usb.Bus`. ``device`` is at the end of ``wire``."""

    def __init__(self, device: Device, wire: Wire) -> None:
        self._device, self._wire = device, wire

    def ports(self) -> list[ListPortInfo]:
        if not self._wire.plugged:
            return []
        port = ListPortInfo(self._wire.device, skip_link_detection=True)
        port.vid, port.pid, port.serial_number = self._device
        return [port]

    def kinds(self) -> set[tuple[int, int]]:
        return {self._device.kind} if self._wire.plugged else set()
