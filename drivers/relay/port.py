"""Serial ports, opened safely, with the errors of pyserial 3.5 translated.

pyserial raises four unrelated families for one pulled cable (measured on a
Linux pty): ``SerialException`` from read and write, a bare ``OSError`` from
``in_waiting``, ``termios.error`` from ``flush`` and ``reset_input_buffer``, and,
mostly, ``TypeError`` from a read whose port another thread closed. Nothing above
this module sees any of them. ``tests/test_port.py`` sees pyserial raise each.
"""

import errno
import os
import select
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import serial

from drivers import usb
from drivers.hal import (
    BadAnswer,
    Clock,
    NoAnswer,
    NotSent,
    PortBusy,
    PortDenied,
    PortLost,
    PortMissing,
    RelayError,
    WriteTimedOut,
)

WRITE_TIMEOUT_MS = 500
"""Far beyond a frame's time on the wire, and half of what a tapping visitor should ever wait."""

ANSWER_TIMEOUT_MS = 300
"""Ten times what the slowest board here takes for its longest answer at 9600 baud."""

T = TypeVar("T")

_BROKEN = (serial.SerialException, OSError, termios.error, TypeError)


class Port:
    """An open serial port that keeps ``gap_ms`` between the frames it writes.

    One thread uses it, and a second one when it has to switch something off: a
    question and its answer are never torn apart.
    """

    def __init__(self, wire: serial.Serial, name: str, gap_ms: int, clock: Clock) -> None:
        self.name = name
        self._wire = wire
        self._gap_ms = gap_ms
        self._clock = clock
        self._free_ms = clock.now_ms()
        self._turn = threading.RLock()
        self._has_line = isinstance(wire, serial.Serial)
        """And is not a wire in memory."""

    def write(self, frame: bytes) -> None:
        """Write ``frame`` whole, waiting first until the board is ready for it.

        Raises WriteTimedOut or PortLost; after either, any part may have arrived.
        """
        with self._turn:
            wait_ms = self._free_ms - self._clock.now_ms()
            if wait_ms > 0:
                self._clock.sleep_ms(wait_ms)
            try:
                written = self._wire.write(frame)
            except _BROKEN as error:
                raise self._translated(error) from error
            finally:
                self._free_ms = self._clock.now_ms() + self._gap_ms
            if written != len(frame):
                raise WriteTimedOut(f"{self.name}: {written} of {len(frame)} bytes were taken")

    def ask(self, frame: bytes, understand: Callable[[bytes], T | None]) -> T:
        """Write ``frame``; return what ``understand`` makes of the bytes that come back.

        It is asked with all that has come so far, whenever more has, and says None
        until the answer is whole. Raises NoAnswer or BadAnswer when it is not whole
        after ANSWER_TIMEOUT_MS, and what :meth:`write` and ``understand`` raise.
        """
        with self._turn:
            try:
                self._wire.reset_input_buffer()  # what comes late belongs to an earlier question
            except _BROKEN as error:
                raise self._translated(error) from error
            self.write(frame)
            heard = b""
            end_ms = self._clock.now_ms() + ANSWER_TIMEOUT_MS
            while True:
                try:
                    more = self._wire.read(max(1, self._wire.in_waiting))
                except _BROKEN as error:
                    raise self._translated(error) from error
                heard += more
                answer = understand(heard) if more else None
                if answer is not None:
                    return answer
                if not more or self._clock.now_ms() >= end_ms:
                    raise self._misunderstood(frame, heard)

    def _misunderstood(self, frame: bytes, heard: bytes) -> RelayError:
        asked = f"{self.name}: to {_hex(frame)} the board answered"
        if not heard:
            return NoAnswer(f"{asked} nothing in {ANSWER_TIMEOUT_MS} ms; has it power?")
        return BadAnswer(f"{asked} {_hex(heard)}, which is no answer to that")

    def line(self, name: str) -> bool:
        """Whether the modem line ``name``, "cts" or "dsr", is asserted. Raises PortLost or NotSent.

        It waits for no question's answer: a drink does not wait, either.
        """
        try:
            return bool(getattr(self._wire, name))
        except _BROKEN as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOTTY, errno.EINVAL):
                raise NotSent(f"{self.name}: this port has no line {name.upper()}") from error
            raise self._translated(error) from error

    def check(self) -> None:
        """Raise PortLost if the device behind the port is gone."""
        try:
            with self._turn:
                # A tty whose device has gone polls HUP or ERR; in_waiting raises on most of them.
                waiting = self._wire.in_waiting
                if self._has_line and _hung_up(self._wire):
                    raise PortLost(f"{self.name}: the cable is out")
                if waiting:
                    # Nobody reads a board that is only written to: old answers must not pile up.
                    self._wire.reset_input_buffer()
        except _BROKEN as error:
            raise self._translated(error) from error

    def close(self) -> None:
        with suppress(*_BROKEN):
            self._wire.close()

    def _translated(self, error: Exception) -> RelayError:
        if isinstance(error, serial.SerialTimeoutException):
            return WriteTimedOut(f"{self.name}: a write did not finish in {WRITE_TIMEOUT_MS} ms")
        return PortLost(f"{self.name}: the cable is out ({_plain(error)})")


def open_port(path: str, baud: int, *, gap_ms: int, clock: Clock) -> Port:
    """Open ``path``, or what ``usb:VVVV:PPPP`` finds, at ``baud``, 8N1, for this program alone.

    DTR and RTS are set low before the port opens: a board wired to them would
    otherwise click. Raises PortMissing, PortDenied, PortBusy or NotSent.
    """
    name = path
    if path.startswith(usb.PREFIX):
        path = usb.find(name)
        name = f"{name} ({path})"
    try:
        wire = serial.serial_for_url(
            path,
            do_not_open=True,
            baudrate=baud,
            timeout=ANSWER_TIMEOUT_MS / 1000,
            write_timeout=WRITE_TIMEOUT_MS / 1000,
            exclusive=True,
        )
        wire.dtr = False
        wire.rts = False
        wire.open()
    except (*_BROKEN, ValueError) as error:
        raise _cannot_open(name, error) from error
    return Port(wire, name, gap_ms, clock)


def _hung_up(wire: serial.Serial) -> bool:
    watch = select.poll()
    watch.register(wire.fileno(), select.POLLIN)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in watch.poll(0))


def _cannot_open(name: str, error: Exception) -> NotSent:
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return PortMissing(f"{name}: no such port; is the board plugged in?")
    if number in (errno.EACCES, errno.EPERM):
        return PortDenied(f"{name}: permission denied; add this user to the group 'dialout'")
    if number in (errno.EAGAIN, errno.EBUSY) or "exclusively lock" in str(error):
        return PortBusy(f"{name}: the port is in use by another program; {usb.THEFT}")
    if number in (errno.ENOTTY, errno.EINVAL) or "configure port" in str(error):
        return NotSent(f"{name}: not a serial port")
    return NotSent(f"{name}: cannot be opened ({_plain(error)})")


def _hex(data: bytes) -> str:
    return data.hex(" ").upper()


def _plain(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    if isinstance(error, termios.error) and error.args:
        number = error.args[0]
    return os.strerror(number) if isinstance(number, int) else str(error)
