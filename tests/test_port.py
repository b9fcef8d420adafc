"""What pyserial raises when a cable, a pty here, is pulled or stuck, and what becomes of it.

Each test sees pyserial itself raise it, too: what ``drivers/relay/port.py`` says of it stays true.
"""

import errno
import os
import pty
import re
import select
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import serial

from controller.clock import MonotonicClock
from drivers import registry
from drivers.hal import (
    BadAnswer,
    Clock,
    NoAnswer,
    NotSent,
    PortBusy,
    PortLost,
    PortMissing,
    Relay,
    RelayError,
    RelaySettings,
    WriteTimedOut,
    open_with_off,
)
from drivers.relay.port import Port, open_port
from sim.clock import VirtualClock
from tests.processes import PATIENCE_S, open_files

ASKED = bytes.fromhex("FF 01 03")
ANSWER = bytes.fromhex("FF 01 00")


class Cable:
    """A pty. The test has the board's end, and pulls it."""

    def __init__(self) -> None:
        self.board, host = pty.openpty()
        tty.setraw(host)
        self.path = os.ttyname(host)
        os.close(host)
        self._plugged = True

    def pull(self) -> None:
        if self._plugged:
            self._plugged = False
            os.close(self.board)


class Watched(serial.Serial):
    """A port that calls when it has written, and when it is about to read."""

    written: Callable[[], object] = staticmethod(lambda: None)
    reading: Callable[[], object] = staticmethod(lambda: None)

    def write(self, data: bytes, /) -> int | None:
        size = super().write(data)
        self.written()
        return size

    def read(self, size: int = 1, /) -> bytes:
        self.reading()
        return super().read(size)


@pytest.fixture
def cable() -> Iterator[Cable]:
    made = Cable()
    yield made
    made.pull()


def opened(cable: Cable) -> Watched:
    return Watched(cable.path, timeout=PATIENCE_S, write_timeout=PATIENCE_S)


def port(wire: serial.Serial) -> Port:
    return Port(wire, "the port", 0, MonotonicClock())


def understand(heard: bytes) -> bytes | None:
    return heard if len(heard) == len(ANSWER) else None


# -- the cable is pulled -------------------------------------------------------------------


def ask(port: Port) -> None:
    port.ask(ASKED, understand)


@pytest.mark.parametrize(
    ("call", "family", "says", "use"),
    [
        (lambda wire: wire.write(b"x"), serial.SerialException, "Errno 5", lambda p: p.write(b"x")),
        (lambda wire: wire.in_waiting, OSError, "Errno 5", Port.check),
        (lambda wire: wire.reset_input_buffer(), termios.error, "5,", ask),
        (lambda wire: wire.flush(), termios.error, "5,", ask),  # a Port has no use for it
    ],
    ids=["write", "in_waiting", "reset_input_buffer", "flush"],
)
def test_a_pulled_cable(
    cable: Cable,
    call: Callable[[serial.Serial], object],
    family: type[Exception],
    says: str,
    use: Callable[[Port], None],
) -> None:
    with closing(opened(cable)) as wire:
        cable.pull()
        with pytest.raises(family, match=says) as theirs:
            call(wire)
        assert type(theirs.value) is family
        with pytest.raises(PortLost, match="the cable is out") as ours:
            use(port(wire))
        assert type(ours.value.__cause__) is family


def test_a_cable_that_is_pulled_while_an_answer_is_awaited(cable: Cable) -> None:
    with closing(opened(cable)) as wire:
        wire.reading = cable.pull
        with pytest.raises(PortLost, match="the cable is out") as ours:
            ask(port(wire))
        with pytest.raises(serial.SerialException, match="but returned no data") as theirs:
            wire.read()
        assert str(ours.value.__cause__) == str(theirs.value)


# -- the port is closed by another thread --------------------------------------------------


def closed_while(
    wire: serial.Serial, use: Callable[[], object], begun: Callable[[], object], board: int
) -> BaseException | None:
    """What ``use`` raises, in a thread of its own, when ``wire`` is closed once it has begun."""
    # As a forked child would have them: closing alone wakes nobody then, but the next byte does.
    also = [os.dup(each) for each in (wire.fd, wire.pipe_abort_read_w, wire.pipe_abort_write_w)]
    with ThreadPoolExecutor(1) as pool:
        used = pool.submit(use)
        begun()
        wire.close()
        os.write(board, b"late")
        error = used.exception(PATIENCE_S)
    for each in also:
        os.close(each)
    return error


def test_a_port_that_is_closed_while_another_thread_reads(cable: Cable) -> None:
    """Mostly it is a TypeError; the threads may also meet where it is something else."""
    wire = opened(cable)

    def first_byte_taken() -> None:
        os.write(cable.board, b"x")
        while any(wire.in_waiting for _ in range(100)):  # and each look lets the reader go on
            pass

    def asked() -> None:
        assert os.read(cable.board, len(ASKED)) == ASKED

    theirs, ours = [], []
    for _ in range(20):
        theirs.append(closed_while(wire, lambda: wire.read(2), first_byte_taken, cable.board))
        wire.open()
        ours.append(closed_while(wire, lambda: ask(port(wire)), asked, cable.board))
        wire.open()
        wire.reset_input_buffer()
    wire.close()
    assert TypeError in [type(error) for error in theirs], theirs
    assert all(isinstance(error, RelayError) for error in ours), ours
    assert TypeError in [type(error.__cause__) for error in ours if isinstance(error, PortLost)]


# -- nobody takes what is written ----------------------------------------------------------


@pytest.mark.parametrize("arrives", [True, False])
def test_a_write_timeout_says_nothing_of_what_arrived(cable: Cable, arrives: bool) -> None:
    timeout_s = 1e-9 if arrives else 0.05
    with closing(serial.Serial(cable.path, write_timeout=timeout_s)) as wire:
        if not arrives:
            stop(cable)
        with pytest.raises(serial.SerialTimeoutException):
            wire.write(ASKED)
        with pytest.raises(WriteTimedOut):
            port(wire).write(ASKED)
        arrived = 2 * ASKED if arrives else b""
        assert heard(cable, len(arrived)) == arrived


def stop(cable: Cable) -> None:
    """The line takes nothing more, as when an adapter hangs."""
    host = os.open(cable.path, os.O_RDWR | os.O_NOCTTY)
    termios.tcflow(host, termios.TCOOFF)
    os.close(host)


def heard(cable: Cable, size: int) -> bytes:
    """What came to the board's end: ``size`` bytes, which may be on their way yet, or more."""
    data = b""
    while select.select([cable.board], [], [], PATIENCE_S if len(data) < size else 0)[0]:
        data += os.read(cable.board, 4096)
    return data


# -- answers -------------------------------------------------------------------------------


def test_half_an_answer(cable: Cable) -> None:
    half = ANSWER[:2]
    with closing(Watched(cable.path, timeout=0.3)) as wire:
        os.write(cable.board, half)
        assert wire.read(len(ANSWER)) == half, "fewer bytes, and no error"
        wire.written = lambda: os.write(cable.board, half)
        with pytest.raises(BadAnswer, match="FF 01 03 the board answered FF 01, which is no"):
            ask(port(wire))


def test_nothing_blocks_for_ever(cable: Cable) -> None:
    with closing(serial.Serial(cable.path)) as wire:
        assert wire.timeout is None
        assert wire.write_timeout is None
    with closing(open_port(cable.path, 9600, gap_ms=0, clock=MonotonicClock())) as line:
        with pytest.raises(NoAnswer):
            ask(line)
        stop(cable)
        with pytest.raises(WriteTimedOut):
            line.write(ASKED)


# -- opening -------------------------------------------------------------------------------


def test_a_port_without_modem_lines(cable: Cable) -> None:
    """DTR is low before the port opens; after that, a port without it would refuse."""
    with closing(serial.Serial(cable.path)) as wire:
        with pytest.raises(OSError, match="Inappropriate ioctl") as theirs:
            wire.dtr = False
        assert type(theirs.value) is OSError
        assert theirs.value.errno == errno.ENOTTY
    open_port(cable.path, 9600, gap_ms=0, clock=MonotonicClock()).close()


def missing(cable: Cable, folder: Path) -> str:
    return str(folder / "no-such-port")


def held(cable: Cable, folder: Path) -> str:
    return cable.path


def a_file(cable: Cable, folder: Path) -> str:
    (folder / "file").write_text("a shopping list", encoding="utf-8")
    return str(folder / "file")


def a_folder(cable: Cable, folder: Path) -> str:
    return str(folder)


BUSY = "the port is in use by another program; on Debian brltty takes such boards: apt purge brltty"
CANNOT_OPEN = [
    (missing, "No such file", PortMissing, "no such port; is the board plugged in?"),
    (held, "Could not exclusively lock", PortBusy, BUSY),
    (a_file, "Could not configure port", NotSent, "not a serial port"),
    (a_folder, "Is a directory", NotSent, "cannot be opened (Is a directory)"),
]


@pytest.mark.parametrize(("made", "says", "error", "told"), CANNOT_OPEN)
def test_a_port_that_cannot_be_opened(
    cable: Cable,
    tmp_path: Path,
    made: Callable[[Cable, Path], str],
    says: str,
    error: type[RelayError],
    told: str,
) -> None:
    path = made(cable, tmp_path)
    with closing(serial.Serial(cable.path, exclusive=True)):
        with pytest.raises(serial.SerialException, match=says):
            serial.Serial(path, exclusive=True)
        with pytest.raises(NotSent) as ours:
            open_port(path, 9600, gap_ms=0, clock=MonotonicClock())
        assert (type(ours.value), str(ours.value)) == (error, f"{path}: {told}")


# -- again and again -----------------------------------------------------------------------

LCUS = registry.load("lcus")


def test_a_board_that_is_wired_to_a_modem_line_does_not_click(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both are put low before the port is opened: here that comes to nothing."""
    with pytest.raises(PortMissing):
        open_port("spy:///dev/no-such-port", 9600, gap_ms=0, clock=VirtualClock())
    told = re.findall(r"(DTR|RTS) +(\w+)", capsys.readouterr().err)
    assert told == [("DTR", "inactive"), ("RTS", "inactive")]


def test_a_thousand_cycles_leak_nothing(tmp_path: Path) -> None:
    """Opened and refused to others, pulled in use and between opening and OFF, or not there."""

    def cycle() -> None:
        cable, clock = Cable(), VirtualClock()
        relay = open_with_off(LCUS, RelaySettings("lcus", cable.path, [1]), clock)
        for made, _, error, _ in CANNOT_OPEN:
            with pytest.raises(error):
                open_port(made(cable, tmp_path), 9600, gap_ms=0, clock=clock)
        cable.pull()
        with pytest.raises(PortLost):
            relay.check()
        relay.close()

        cable = Cable()

        def open_and_pull(settings: RelaySettings, clock: Clock) -> Relay:
            relay = LCUS.open_relay(settings, clock)
            cable.pull()
            return relay

        stolen = replace(LCUS, open_relay=open_and_pull)
        with pytest.raises(PortLost):
            open_with_off(stolen, RelaySettings("lcus", cable.path, [1]), clock)

    cycle()
    before, threads = open_files(os.getpid()), threading.active_count()
    for _ in range(1_000):
        cycle()
    assert open_files(os.getpid()) == before
    assert threading.active_count() == threads
