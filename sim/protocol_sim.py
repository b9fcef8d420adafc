"""pyserial's handler for ``sim://NAME``: a serial port whose other end is a :class:`sim.link.Wire`.

pyserial finds it by this module's name, once ``sim`` is among its
``protocol_handler_packages`` (see :func:`register`).
"""

from typing import Any

import serial

from sim import link


class Serial(serial.SerialBase):
    """The host's end of a wire in memory."""

    def open(self) -> None:
        try:
            self._wire = link.find(self.portstr or "")
        except KeyError:
            raise serial.SerialException(2, f"could not open port {self.portstr}") from None
        self._wire.open()
        self.is_open = True

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._wire.release()

    def write(self, b: Any, /) -> int:
        self._must_be_open()
        return self._wire.write(bytes(b))

    def read(self, size: int = 1, /) -> bytes:
        self._must_be_open()
        return self._wire.read(size, int((self.timeout or 0) * 1000))

    @property
    def in_waiting(self) -> int:
        self._must_be_open()
        return self._wire.waiting()

    @property
    def cts(self) -> bool:
        self._must_be_open()
        return self._wire.line("cts")

    @property
    def dsr(self) -> bool:
        self._must_be_open()
        return self._wire.line("dsr")

    def reset_input_buffer(self) -> None:
        self._must_be_open()
        self._wire.discard()

    def _must_be_open(self) -> None:
        if not self.is_open:
            raise serial.PortNotOpenError

    def _reconfigure_port(self, force_update: bool = False) -> None:
        """Bits have no speed on this wire."""

    def _update_dtr_state(self) -> None:
        """No board of ours is wired to DTR."""

    def _update_rts_state(self) -> None:
        """Nor to RTS."""


def register() -> None:
    """Make ``sim://`` known to pyserial. Only simulations call this: no config may name it."""
    if "sim" not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append("sim")
