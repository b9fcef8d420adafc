"""The wire in memory: a cable between the real driver and an emulated board.

A :class:`Wire` is opened through pyserial as ``sim://NAME`` (see
``sim.protocol_sim``), so that the driver, its framing, its timeouts and the
translation of its errors are those of the real machine.

It is a USB adapter's. A port whose cable was pulled stays dead for whoever has it open, also
when the cable is back; and as long as somebody has, Linux gives the adapter another name:
``sim://NAME/ttyUSB0`` becomes ``sim://NAME/ttyUSB1``, and ``sim://NAME`` is either.
"""

import errno
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count, repeat
from urllib.parse import urlsplit

import serial

from drivers.hal import Clock
from sim.boards.base import Board
from sim.instants import Instants, PowerCut

_wires: dict[str, "Wire"] = {}


class Wire:
    """One cable. ``plugged`` is the switch that a hand, or a test, throws."""

    def __init__(self, name: str, board: Board, clock: Clock) -> None:
        self.name = name
        self.board = board
        self.clock = clock
        self.plugged = True
        self.write_timeouts = 0
        """How many of the next writes are reported as timed out, although the bytes arrive."""
        self.on_open: Callable[[], None] = lambda: None
        self.carry: Callable[[bytes], bytes] = lambda answer: answer
        """What becomes of an answer on its way: a test's hand on the wire."""
        self.pieces: Iterator[int] = repeat(65_536)
        """How many bytes each read gets at the most."""
        self.lines: dict[str, Callable[[], bool]] = {}
        """The adapter's modem lines, by name, and whether each is asserted."""
        self.instants = Instants()
        self.bites: Counter[str] = Counter()
        """How often what is wrong with it has changed what happened."""
        self.held = False
        self._tty = "ttyUSB0"
        self._stale = False
        """Whether the cable was pulled since the port was opened."""
        self._to_host = b""
        _wires[name] = self

    @property
    def url(self) -> str:
        return f"sim://{self.name}"

    @property
    def device(self) -> str:
        """The port as which it is there now."""
        return f"{self.url}/{self._tty}"

    def unplug(self) -> None:
        """Pull the cable. A board on USB power loses it."""
        self.plugged = False
        self._stale = self.held
        self._to_host = b""
        self.board.power_off(self.clock.now_ms())

    def plug(self) -> None:
        """Put it in again, unless it is."""
        if not self.plugged and self._stale:
            self._tty = "ttyUSB1" if self._tty == "ttyUSB0" else "ttyUSB0"
        self.plugged = True

    def advance(self) -> None:
        """Let the board do what is due by now."""
        answer = self.board.advance(self.clock.now_ms())
        if answer and self.plugged:
            self._arrives(answer)

    def say(self, data: bytes) -> None:
        """Send ``data`` to the host, which asked nothing."""
        self._to_host += data

    # -- the port's side ----------------------------------------------------------

    def open(self) -> None:
        if not self.plugged:
            self.bites["unplug"] += 1
            raise serial.SerialException(errno.ENOENT, f"could not open port {self.url}")
        if self.held and not self._stale:
            raise serial.SerialException("Could not exclusively lock port")
        self.held, self._stale = True, False
        self.on_open()

    def close(self) -> None:
        """Nobody will open it any more."""
        del _wires[self.name]

    def release(self) -> None:
        """The program let go of the port, or died."""
        self.held = self._stale = False

    def write(self, data: bytes) -> int:
        self._must_be_there()
        if self.instants.cut_at:
            self._mind(data)
        self._arrives(self.board.receive(data, self.clock.now_ms()))
        if self.write_timeouts:
            self.write_timeouts -= 1
            self.bites["write-timeout"] += 1
            raise serial.SerialTimeoutException("Write timeout")
        return len(data)

    def _mind(self, data: bytes) -> None:
        """The power may go before, between and after these bytes."""
        for number in range(2 * len(data)):
            if self.instants.passes():
                sent = data[: (number + 1) // 2]
                self._arrives(self.board.receive(sent, self.clock.now_ms()))
                raise PowerCut

    def read(self, size: int, timeout_ms: int) -> bytes:
        self._must_be_there()
        end_ms = self.clock.now_ms() + timeout_ms
        while len(self._to_host) < size and self.clock.now_ms() < end_ms:
            due_ms = self.board.due_ms()
            wake_ms = end_ms if due_ms is None else min(due_ms, end_ms)
            self.clock.sleep_ms(max(0, wake_ms - self.clock.now_ms()))
            self.advance()
        size = min(size, next(self.pieces))
        data, self._to_host = self._to_host[:size], self._to_host[size:]
        return data

    def waiting(self) -> int:
        if self._finds_it_gone():
            raise OSError(errno.EIO, "Input/output error")
        return len(self._to_host)

    def line(self, name: str) -> bool:
        if self._finds_it_gone():
            raise OSError(errno.EIO, "Input/output error")
        if name not in self.lines:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        return self.lines[name]()

    def discard(self) -> None:
        self._to_host = b""

    def _arrives(self, answer: bytes) -> None:
        self._to_host += self.carry(answer) if answer else b""

    def _must_be_there(self) -> None:
        if self._finds_it_gone():
            raise serial.SerialException(errno.EIO, "Input/output error")

    def _finds_it_gone(self) -> bool:
        """Whether whoever uses the port now finds it gone, which is counted."""
        gone = not self.plugged or self._stale
        if gone:
            self.bites["replug" if self.plugged else "unplug"] += 1
        return gone


def free_name(name: str) -> str:
    """``name``, or that with a number if there is such a wire already: worlds live side by side."""
    numbered = (f"{name}-{number}" for number in count(2))
    return name if name not in _wires else next(each for each in numbered if each not in _wires)


def find(url: str) -> Wire:
    """The wire of that ``url``, or with that as its device now. Raises KeyError."""
    wire = _wires[urlsplit(url).netloc]
    if url not in (wire.url, wire.device):
        raise KeyError(url)
    return wire
